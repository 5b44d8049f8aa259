"""What the server is compared with: a bare starlette handler that gives the bytes of a file, served in the same way.

`python -m bench.bare FOLDER PORT`: any method on /STATUS/NAME answers with that status and the file NAME.
"""

import asyncio
import sys
from pathlib import Path

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def application(folder: Path) -> Starlette:
    """Serve the files that are in a folder now."""
    contents = {file.name: file.read_bytes() for file in folder.iterdir()}

    async def answer(request: Request) -> Response:
        await request.body()
        content = contents[request.path_params["name"]]
        return Response(content, request.path_params["status"], media_type="application/json")

    return Starlette(routes=[Route("/{status:int}/{name}", answer, methods=["GET", "POST"])])


def main(folder: str, port: str) -> None:
    """Serve until killed."""
    settings = uvicorn.Config(
        application(Path(folder)),
        port=int(port),
        loop="none",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(settings).serve())


if __name__ == "__main__":
    main(*sys.argv[1:])
