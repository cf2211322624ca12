"""A graph of what came before what, and its knots (Tarjan, without recursion)."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Graph:
    """Nodes are numbers from 0 on."""

    later: list[list[int]] = field(default_factory=list)
    """For each node those that came after it."""

    def node(self) -> int:
        """A new one."""
        self.later.append([])
        return len(self.later) - 1

    def edge(self, before: int, after: int) -> None:
        """One came before the other."""
        if before != after:
            self.later[before].append(after)

    def knots(self) -> Iterator[list[int]]:
        """Nodes each of which came before all others of them: what no order of time can explain."""
        size = len(self.later)
        index, low, on_stack = [-1] * size, [0] * size, [False] * size
        stack: list[int] = []
        count = 0
        for root in range(size):
            if index[root] >= 0:
                continue
            walk: list[tuple[int, int]] = [(root, 0)]
            while walk:
                node, at = walk.pop()
                if at == 0:
                    index[node] = low[node] = count
                    count += 1
                    stack.append(node)
                    on_stack[node] = True
                elif on_stack[child := self.later[node][at - 1]]:
                    low[node] = min(low[node], low[child])
                following = self._unvisited(node, at, index, low, on_stack)
                if following is not None:
                    walk.append((node, following))
                    walk.append((self.later[node][following - 1], 0))
                elif low[node] == index[node]:
                    knot = []
                    while True:
                        member = stack.pop()
                        on_stack[member] = False
                        knot.append(member)
                        if member == node:
                            break
                    if len(knot) > 1:
                        yield knot

    def _unvisited(self, node: int, at: int, index: list[int], low: list[int], on_stack: list[bool]) -> int | None:
        """The place after the next child that was not visited yet; those before it are looked at on the way."""
        children = self.later[node]
        while at < len(children):
            child = children[at]
            at += 1
            if index[child] < 0:
                return at
            if on_stack[child]:
                low[node] = min(low[node], index[child])
        return None
