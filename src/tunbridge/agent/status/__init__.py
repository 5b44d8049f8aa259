"""What an agent tells of itself: the document, where it is put together, and the socket where it is read."""
