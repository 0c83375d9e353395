"""Public boards: NAB, SMD, ASD, SKAB, LogHub and HDFS, streamed under one protocol.

Reads the public sets, feeds each point once and in order, keeps results file by file so that a
run can resume, and sets published figures beside ours. Scores with `evaluation.scorers`.
"""

__all__: list[str] = []
