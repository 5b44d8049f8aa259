import tunbridge


def test_version_is_known() -> None:
    assert tunbridge.__version__
