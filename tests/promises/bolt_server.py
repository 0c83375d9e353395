"""A real graph server in its own process: ArcadeDB with its Bolt plug-in, until killed."""

import sys
import threading

import arcadedb_embedded


def serve(root, password, *ports):
    """Serve one database called ``graph``."""
    http_port, bolt_port = map(int, ports)
    server = arcadedb_embedded.create_server(
        root,
        password,
        {
            "host": "127.0.0.1",
            "http_port": http_port,
            "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
            "bolt_port": bolt_port,
        },
    )
    server.start()
    server.create_database("graph")
    threading.Event().wait()


if __name__ == "__main__":
    serve(*sys.argv[1:])
