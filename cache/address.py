"""Tells an address of a shared store from a folder of this machine; imports nothing."""


def is_shared(address: str) -> bool:
    """Whether this is an address of fsspec's, such as ``s3://bucket/folder``, and no folder."""
    return "://" in address
