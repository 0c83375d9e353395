"""Vocabulary: what breaks, how machines tell of it, how people ask, what came before it.

``told`` are three ways a machine writes of one trouble, ``asked`` two ways a person asks
about it in words of their own, ``before`` what led to it. Written down before recall was
measured on it; no list of the embedder or of the word index went into it.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One way to break."""

    name: str
    told: tuple[str, ...]
    asked: tuple[str, ...]
    before: str


def _trouble(name: str, told: str, asked: str, before: str) -> Trouble:
    return Trouble(
        name=name,
        told=tuple(told.split(" | ")),
        asked=tuple(asked.split(" | ")),
        before=before,
    )


TROUBLES: Final = (
    _trouble(
        "oom",
        "container killed by the kernel, working set reached its limit | OOMKilled with exit "
        "code 137 after the working set grew | kernel oom-killer ended the container at its limit",
        "pod died because it ran out of ram | processes get shot for using too much memory",
        "entries kept by the basket cache were raised tenfold",
    ),
    _trouble(
        "disk",
        "write failed: no space left on device | volume usage at 100 percent, writes rejected | "
        "filesystem of the data volume is full",
        "storage filled up and nothing can be saved | we have no room to store anything",
        "nightly archive job was switched off",
    ),
    _trouble(
        "cert",
        "tls handshake failed: certificate has expired | x509 certificate expired, peers refuse "
        "the connection | https clients reject the expired server certificate",
        "encryption credentials are out of date | the ssl cert was not renewed in time",
        "issuer moved to another authority",
    ),
    _trouble(
        "pool",
        "connection pool exhausted, threads wait for a connection | timeout acquiring a database "
        "connection from the pool | all pooled connections are in use",
        "no free db sessions left for requests | callers queue for a database handle",
        "maximum of parallel workers went from 8 to 64",
    ),
    _trouble(
        "dns",
        "lookup of the upstream host failed: no such host | name resolution timed out at the "
        "cluster resolver | dns queries return SERVFAIL",
        "hostnames cannot be resolved | it does not find the address of its backend",
        "coredns was moved to spot machines",
    ),
    _trouble(
        "lag",
        "consumer group lag rises, offsets fall behind | partition backlog grows faster than it "
        "is consumed | messages wait in the topic for minutes",
        "events arrive late because the queue piles up | kafka readers cannot keep up",
        "batch size of the reader was cut to one",
    ),
    _trouble(
        "cpu",
        "cpu quota used up, container throttled in most periods | run queue long, throttled "
        "seconds climb | usage pinned at the cpu limit",
        "processor is maxed out and slows everything | it is starved of compute",
        "request validation by regular expressions was turned on",
    ),
    _trouble(
        "deadlock",
        "deadlock detected between two transactions | lock wait timeout exceeded, transaction "
        "rolled back | rows stay locked by an idle transaction",
        "queries block each other forever | updates hang waiting on one another",
        "report writer began to run inside the orders schema",
    ),
    _trouble(
        "crashloop",
        "back-off restarting failed container, CrashLoopBackOff | container exits at start with "
        "code 1 again and again | liveness probe kills the process soon after start",
        "it keeps dying on boot | the app never comes up and is relaunched over and over",
        "environment variable of the payment key was renamed",
    ),
    _trouble(
        "image",
        "ImagePullBackOff: manifest unknown | failed to pull image from the registry | registry "
        "answers 404 for the image tag",
        "new build cannot be downloaded | docker artefact is missing",
        "retention of build artefacts was shortened to two days",
    ),
    _trouble(
        "gateway",
        "upstream returned 502 for a third of requests | bad gateway, upstream closed the "
        "connection early | proxy reports upstream connect error",
        "customers see error pages from the front proxy | edge cannot talk to what is behind it",
        "keep-alive of the backends was lowered under that of the proxy",
    ),
    _trouble(
        "slowquery",
        "sequential scan over the orders table, query takes seconds | slow query log: statement "
        "exceeds its threshold | execution plan changed to a full table scan",
        "database answers take ages | sql got sluggish",
        "unused index was dropped in a clean-up",
    ),
    _trouble(
        "ratelimit",
        "429 too many requests from the partner api | quota of the external provider used up | "
        "rate limit exceeded, calls are rejected",
        "third party throttles us | vendor says we call too often",
        "retries without a pause were introduced in the client",
    ),
    _trouble(
        "clock",
        "clock skew of several seconds between nodes | ntp daemon lost synchronisation, time "
        "drifts | token rejected: issued in the future",
        "machines disagree about what time it is | timestamps jump around",
        "firewall rule closed port 123",
    ),
    _trouble(
        "gc",
        "garbage collector pauses of several seconds | heap after full gc stays high, long "
        "stop-the-world pauses | gc overhead limit exceeded",
        "jvm freezes now and then | runtime stalls while cleaning up objects",
        "session objects began to be held for a whole day",
    ),
    _trouble(
        "cache",
        "cache hit ratio fell to a few percent | redis evicts keys, misses hit the origin | "
        "cold cache after flush, origin overloaded",
        "lookups all go to the source again | memoised results vanish",
        "key prefix got the build number",
    ),
    _trouble(
        "network",
        "packet loss between zones, retransmits rise | tcp connections reset by peer | interface "
        "drops packets, links flap",
        "the wire between datacentres is bad | traffic gets lost on the way",
        "mtu of the overlay was changed",
    ),
    _trouble(
        "auth",
        "401 unauthorized for service accounts | token signature verification failed | "
        "permission denied: role lacks the grant",
        "logins of our machines are turned away | credentials stopped being accepted",
        "signing keys were rotated on a friday",
    ),
    _trouble(
        "replica",
        "replication delay of the standby grows | follower reads stale rows, wal receiver is "
        "behind | replica lost its stream from the primary",
        "copies of the database are out of sync | secondary shows old values",
        "vacuum of the big table was started by hand",
    ),
    _trouble(
        "threads",
        "worker threads blocked, request queue full | thread dump shows all workers waiting on "
        "one monitor | executor rejected the task, queue at capacity",
        "nothing is processed since everyone waits for one lock | app servers hang",
        "synchronous audit call was put into the request path",
    ),
)
"""What the memory comes to know."""

STRANGERS: Final = (
    _trouble(
        "fan",
        "fan speed sensor reads zero, chassis temperature climbs | thermal trip point reached, "
        "board powers off | inlet air above 45 degrees celsius",
        "hardware overheats in the rack | cooling broke down",
        "air conditioning of hall two was serviced",
    ),
    _trouble(
        "invoice",
        "rounding of vat differs by one cent in monthly invoices | ledger totals do not balance "
        "for february | currency table lacks the swiss franc",
        "bookkeeping sums are wrong | bills show odd amounts",
        "tax library was replaced",
    ),
    _trouble(
        "leapday",
        "parser rejects 29 february as a date | calendar widget shows the week twice | birthday "
        "reminders go out one day early",
        "dates are off by one | schedule shows the wrong day",
        "locale defaults were touched",
    ),
    _trouble(
        "search",
        "synonym dictionary makes shoes match boats | ranking of the catalogue puts sold-out "
        "items first | stemming turns universe into university",
        "shop search shows nonsense | product finder returns irrelevant goods",
        "relevance model was retrained",
    ),
    _trouble(
        "video",
        "player stutters, bitrate ladder picks 240p | subtitles run two seconds ahead of sound | "
        "encoder drops every tenth frame",
        "film playback is choppy | picture and audio do not match",
        "codec profile was switched",
    ),
    _trouble(
        "fraud",
        "scoring marks every gift voucher as suspicious | chargebacks double in brazil | "
        "velocity rule blocks loyal customers",
        "honest buyers are declined | purchases flagged without reason",
        "blacklist was imported from a partner",
    ),
    _trouble(
        "licence",
        "floating seats of the compiler are used up | dongle not found on the build host | "
        "entitlement server denies checkout of a seat",
        "paid software does not open | tool says nobody may use it",
        "vendor contract ended",
    ),
    _trouble(
        "printer",
        "label printer in the warehouse jams | barcode scanner reads blanks | conveyor sorter "
        "rejects parcels of lane four",
        "goods do not leave the depot | parcels are not labelled",
        "belt speed was raised",
    ),
)
"""What the memory never saw: the right answer is "new to me"."""

SERVICES: Final = ("checkout", "payment", "catalogue", "shipping", "search", "accounts")
NOISE: Final = (
    "on-call was paged",
    "dashboards showed a dip in traffic",
    "alert fired twice within ten minutes",
    "customers in the eu region were affected",
    "error budget of the month is touched",
    "the runbook page was opened",
    "seen first by the synthetic probe",
    "status page was updated",
)
KNOBS: Final = (
    "pool size",
    "retry limit",
    "heap ceiling in gib",
    "replica count",
    "idle timeout in seconds",
    "sampling percentage",
    "maximum upload in mib",
    "worker threads",
)
"""Settings that facts are about."""

FILLER: Final = (
    "anyone remember",
    "did we ever see",
    "again",
    "please",
    "what helped when",
    "help",
)
