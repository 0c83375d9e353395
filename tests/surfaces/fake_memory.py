"""A real memory in this process, with a few incidents, for surfaces to draw."""

from datetime import UTC, datetime, timedelta

from tam_workbench.adapters.clocks.system import SystemClock
from tam_workbench.adapters.documents.sql import SqlDocuments
from tam_workbench.adapters.embedders.hashing import HashingEmbedder
from tam_workbench.adapters.graphs.embedded import EmbeddedGraph
from tam_workbench.adapters.stores.inmemory import InMemoryStore
from tam_workbench.engine.remembering import Around, Draft, Memory, MemoryRules, Shelf
from tam_workbench.memory import Trial
from tam_workbench.records import Edge, Tier

TEXTS = (
    ("checkout", "checkout latency rose after a deploy; connection pool full", "rollback", True),
    ("checkout", "checkout times out, retries storm the payment gateway", "restart", False),
    ("payments", "payments killed by the kernel, memory rose for an hour", "restart", True),
    ("catalog", "catalog cache cold after a flush, database saturated", "scale", True),
    ("cart", "certificate of the session store expired, tls handshakes fail", "", None),
    ("frontend", "frontend error ratio high after a change of the flag service", "config", True),
)  # fmt: skip


def remembered(bus):
    """Return a memory that knows a few incidents and publishes on ``bus``."""
    embedder = HashingEmbedder()
    around = Around(
        documents=SqlDocuments(),
        graph=EmbeddedGraph(),
        clock=SystemClock(),
        redact=list,
        note=lambda kind, body, at: None,
        publish=lambda receipts: bus.publish("memory", receipts),
    )
    shelf = Shelf(InMemoryStore(dimension=embedder.dimension))
    memory = Memory(shelf, embedder, rules=MemoryRules(), around=around)
    began = datetime(2026, 11, 20, 5, tzinfo=UTC)
    for number, (service, text, action, helped) in enumerate(TEXTS):
        at = began + timedelta(hours=number)
        draft = Draft(
            text=text, kind="incident", service=service, at=at, trust=0.9, occurrence=f"i{number}",
            tier=list(Tier)[1 + number % 4], action=action, helped=helped,
        )  # fmt: skip
        [entry] = memory.store(draft, now=at).ids
        edge = Edge(cause=f"service:{service}", effect=entry, relation="had", confidence=0.9,
                    evidence=(f"i{number}",), observed_at=at)  # fmt: skip
        memory.knowledge.tell([edge], now=at)
        if action:
            signal = 1.0 if helped else -1.0
            memory.associations.learn(entry, f"action:{action}", signal=signal, now=at)
    for number in range(20):
        load = "high" if number % 2 else "low"
        trial = Trial(signature="checkout", action="restart", helped=load == "low",
                      context={"load": load})  # fmt: skip
        memory.trials.add(f"t{number}", trial)
    return memory
