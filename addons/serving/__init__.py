"""The process: sockets, the life of the engine, what is put together and looked after."""
