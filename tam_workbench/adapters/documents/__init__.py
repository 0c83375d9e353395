"""Documents: where JSON documents live, by kind and id, in a file or on a database server.

Each keeps the promises of `ports.document_checks.check_documents`; what the documents mean is
the business of the rooms that write them. Imported by the wiring alone.
"""

__all__: list[str] = []
