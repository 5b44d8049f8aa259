# mypy: ignore-errors
# Runs with the Python of .venv-suites, whose modules are not there where types are checked.
"""Read a stream of subunit v2 from standard input: a line of JSON for each test, with its status and what it said."""

import json
import sys

import subunit
import testtools


def main() -> None:
    def tell(test):
        said = {name: content.as_text() for name, content in test["details"].items() if _is_told(name, content)}
        start, stop = test["timestamps"]
        seconds = round((stop - start).total_seconds(), 2) if start and stop else None
        print(
            json.dumps(
                {"test": test["id"].partition("[")[0], "status": test["status"], "seconds": seconds, "said": said}
            )
        )

    result = testtools.StreamToDict(tell)
    result.startTestRun()
    subunit.ByteStreamToStreamResult(sys.stdin.buffer, non_subunit_name="stdout").run(result)
    result.stopTestRun()


def _is_told(name, content):
    return content.content_type.type == "text" and (name == "reason" or name.startswith("traceback"))


if __name__ == "__main__":
    main()
