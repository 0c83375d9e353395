"""What trust goes by: every threshold of the score, with its unit and reason."""

from dataclasses import dataclass

from tam_workbench.records import Authentication


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRules:
    """How trust is scored."""

    prior_none: float = 0.3
    """Trust in a row of a channel that proved nothing, before anything else is known."""

    prior_local: float = 0.95
    """Trust in a row of a channel on this machine."""

    prior_token: float = 0.95
    """Trust in a row of a channel that showed a token."""

    prior_signed: float = 0.99
    """Trust in a row of a channel whose signature was checked."""

    lateness_s: float = 60.0
    """A row older than its channel's newest row by more seconds is stale."""

    replay_s: float = 600.0
    """A row older than its channel's newest row by more seconds counts as replayed."""

    stale_factor: float = 0.5
    """Trust of a stale row is multiplied by this; 1 switches it off."""

    replay_factor: float = 0.1
    """Trust of a replayed row is multiplied by this; 1 switches it off."""

    doubt_metrics: float = 0.68
    """Share of trust that an anomalous metric loses when nobody else saw anything."""

    doubt_logs: float = 0.95
    """Share of trust that a storm of ERROR lines loses when nobody else saw anything."""

    doubt_spans: float = 0.85
    """Share of trust that failing or slow spans lose when nobody else saw anything."""

    doubt_changes: float = 0.7
    """Share of trust that a reported SLO breach loses when nobody else saw anything."""

    quiet_z: float = 4.0
    """Deviation, in standard deviations, up to which a value is ordinary."""

    loud_z: float = 8.0
    """Deviation, in standard deviations, from which a value is fully anomalous."""

    quiet_count_z: float = 1.0
    """As ``quiet_z``, for counts of errors against their usual number."""

    loud_count_z: float = 4.0
    """As ``loud_z``, for counts of errors against their usual number."""

    fast_ticks: float = 64.0
    """Points that the recent baseline of a metric remembers."""

    slow_ticks: float = 600.0
    """Points that the long-term baseline remembers; what lasts stays evidence about as long."""

    patience: float = 0.1
    """How much slower the long-term baselines move while a service is in a corroborated breach."""

    warmup: int = 16
    """Points (of a metric) or ticks (of a service) before which nothing is called anomalous."""

    window: int = 3
    """Ticks that evidence stays valid after it was seen; never before."""

    breach_window: int = 15
    """As ``window``, for evidence of a reported SLO breach, which looks back over many ticks."""

    enough: float = 0.5
    """Evidence (anomaly level times its channel's trust) that makes one full vote."""

    votes: float = 2.0
    """Full votes of other channels that corroborate fully, where so many speak of the service;
    where fewer do, half of all who speak. Two hold out against one accomplice."""

    alone: float = 0.15
    """Weight of a vote whose like in another channel (the same metric of a replica, the errors
    that another channel logs of the service) does not move along."""

    twin_share: float = 0.5
    """Share of a deviation that its twin must show to confirm it fully; half as much is nothing."""

    neighbour: float = 0.7
    """Weight of evidence from a service that the row's service calls, where too few others speak
    of the row's own service; trouble runs from the called to its callers, never back."""

    part_points: int = 48
    """Points of a metric and its peer in another channel that are compared before their parting
    means anything."""

    part_floor: float = 0.015
    """Share of a metric's mean that its distance to the peer is always allowed to spread."""

    part_slack: float = 0.25
    """Distance to the peer, in spreads, that a tick is allowed before it adds to the sum."""

    part_quiet: float = 24.0
    """Sum of distances, in spreads, up to which a metric and its peer belong together."""

    part_loud: float = 32.0
    """As ``part_quiet``, from which they have fully parted."""

    part_quiet_z: float = 3.0
    """Distance to the peer, in spreads, up to which a single value is ordinary."""

    part_loud_z: float = 5.0
    """Distance to the peer, in spreads, from which a single value has fully parted."""

    surplus_slack: float = 0.1
    """Errors a tick that a channel may log though no other channel of the service does."""

    surplus_quiet: float = 1.5
    """Errors beyond those, summed up, to which others' silence means nothing."""

    surplus_loud: float = 3.5
    """As ``surplus_quiet``, from which the channel is fully doubted."""

    credulity: float = 0.02
    """How much errors that nobody corroborates still move the usual number of errors, 0 to 1."""

    habit: float = 0.5
    """Share of a service's first ``warmup`` ticks with errors from which errors are taken as usual;
    rarer ones (a forger may be there from the start) must be corroborated or stay unusual."""

    reputation_good: float = 19.0
    """Counts in favour that every channel starts with."""

    reputation_bad: float = 1.0
    """Counts against that every channel starts with."""

    reputation_ticks: float = 200.0
    """Ticks in which a channel speaks until what it did weighs 1/e."""

    blame: float = 1.0
    """How much heavier a doubted row weighs than a believed one; its like are singled out anyway,
    and whom the channel speaks for in earnest should not pay for it."""

    blame_claims: float = 4.0
    """As ``blame``, for claims of a breach and for a person's word on the channel."""

    full_reputation: float = 0.8
    """Mean reputation from which a channel's rows keep their whole prior."""

    max_resources: int = 1024
    """Resources kept; the one silent for longest makes room."""

    max_services: int = 128
    """Services kept; the one silent for longest makes room."""

    max_channels: int = 128
    """Channels kept; the one silent for longest makes room."""

    max_metrics: int = 256
    """Metric names kept; the one silent for longest makes room."""

    def prior(self, authentication: Authentication) -> float:
        """Return the trust that a channel's proof of identity earns.

        >>> TrustRules().prior(Authentication.NONE)
        0.3
        """
        return {
            Authentication.NONE: self.prior_none,
            Authentication.LOCAL: self.prior_local,
            Authentication.TOKEN: self.prior_token,
            Authentication.SIGNED: self.prior_signed,
        }[authentication]
