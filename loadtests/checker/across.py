"""Check 10: the orders of all accounts and real time fit into one order."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from checker.books import Row
from checker.findings import ACROSS, Finding
from checker.graph import Graph
from checker.history import History

SHOWN_MAX = 6
"""How many members of a cycle are told."""


@dataclass(slots=True)
class _Order:
    graph: Graph = field(default_factory=Graph)
    names: dict[int, str] = field(default_factory=dict)
    """Of the nodes that are commands or reads; the others are moments."""
    of_key: dict[str, int] = field(default_factory=dict)
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    """Time, 0 for asked and 1 for answered, node."""

    def named(self, name: str) -> int:
        node = self.graph.node()
        self.names[node] = name
        return node

    def span(self, node: int, began_ns: int | None, done_ns: int | None) -> None:
        if began_ns is not None:
            self.spans.append((began_ns, 0, node))
        if done_ns is not None:
            self.spans.append((done_ns, 1, node))


def across(history: History) -> Iterator[Finding]:
    """Cycles: commands and reads each of which came before the next, and the last before the first."""
    order = _Order()
    _order_of_accounts(order, history)
    _real_time(order)
    for knot in order.graph.knots():
        names = sorted(order.names[node] for node in knot if node in order.names)
        shown = ", ".join(names[:SHOWN_MAX]) + (", …" if len(names) > SHOWN_MAX else "")
        yield Finding(
            ACROSS, shown, "each came before all others", "one order for all accounts", f"{len(names)} in a cycle"
        )


def _order_of_accounts(order: _Order, history: History) -> None:
    placed: dict[str, tuple[list[int], list[int]]] = {}
    for account_id, rows in history.books.accounts.items():
        seqs, nodes = placed.setdefault(account_id, ([], []))
        for row in rows:
            # Due work belongs to one account alone and was asked for by nobody, so it ties nothing together.
            if row.key is None:
                continue
            node = _node_of(order, row, history)
            if nodes:
                order.graph.edge(nodes[-1], node)
            seqs.append(row.seq)
            nodes.append(node)
    for read in history.reads:
        if read.read_source != "primary" or read.body is None:
            continue
        node = order.named(read.where)
        seqs, nodes = placed.get(read.body["account_id"], ([], []))
        at = bisect_right(seqs, read.body["seq"])
        if at > 0:
            order.graph.edge(nodes[at - 1], node)
        if at < len(nodes):
            order.graph.edge(node, nodes[at])
        order.span(node, read.invoke_ns, read.complete_ns)


def _node_of(order: _Order, row: Row, history: History) -> int:
    key = row.key or ""
    if key not in order.of_key:
        node = order.of_key[key] = order.named(f"{row.kind} {key}")
        command = history.commands.get(key)
        if command is not None:
            order.span(node, command.began_ns, command.done_ns)
    return order.of_key[key]


def _real_time(order: _Order) -> None:
    """Whatever was answered came before whatever was asked for later: by way of moments, so the edges stay few."""
    moment: int | None = None
    for _, is_done, node in sorted(order.spans):
        if not is_done:
            if moment is not None:
                order.graph.edge(moment, node)
            continue
        following = order.graph.node()
        if moment is not None:
            order.graph.edge(moment, following)
        order.graph.edge(node, following)
        moment = following
