"""Ways through a road map, found with networkx."""

import networkx

import flawless
from libraries.gate import pause

Road = tuple[str, str, int]


def route(roads: list[Road], start: str, end: str) -> tuple[int, list[str]]:
    """Return the length of the shortest way, and its stops."""
    graph = networkx.Graph()
    graph.add_weighted_edges_from(roads)
    length: int
    length, stops = networkx.single_source_dijkstra(graph, start, end)
    return length, stops


def network(roads: list[Road]) -> tuple[list[Road], list[list[str]], dict[str, float]]:
    """Return a spanning tree, the parts that no bridge falls apart, and the towns' ranks."""
    graph = networkx.Graph()
    graph.add_weighted_edges_from(roads)
    tree = sorted(networkx.minimum_spanning_tree(graph).edges.data("weight"))
    parts = sorted(sorted(part) for part in networkx.k_edge_components(graph, 2))
    ranks = networkx.betweenness_centrality(graph, weight="weight")
    return tree, parts, {town: round(rank, 6) for town, rank in ranks.items()}


@flawless.workflow
def plan(
    roads: list[Road], start: str, end: str
) -> tuple[tuple[int, list[str]], tuple[list[Road], list[list[str]], dict[str, float]]]:
    """Find a way, pause, and survey the whole map."""
    way = route(roads, start, end)
    pause()
    return way, network(roads)
