"""Processes below one, and the addresses on which they listen, read from /proc (Linux)."""

import ipaddress
from pathlib import Path

LISTENING = "0A"  # state in /proc/net/tcp, see proc_net_tcp in Linux's documentation


def processes_below(pid: int) -> list[int]:
    """Return the process and its descendants."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended in the meantime
        below.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for process in found:
        found.extend(below.get(process, []))
    return found


def listening_on(pid: int) -> set[tuple[str, int]]:
    """Return address and port of each socket on which the process or a descendant listens."""
    addresses = _listening_sockets()
    return {
        addresses[link]
        for process in processes_below(pid)
        for link in _open_files(process)
        if link in addresses
    }


def other_machines_reach(pid: int) -> set[tuple[str, int]]:
    """Return those of `listening_on` that are not loopback addresses."""
    found = listening_on(pid)
    return {(host, port) for host, port in found if not _address(host).is_loopback}


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _open_files(process: int) -> list[str]:
    links = []
    try:
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            links.append(str(descriptor.readlink()))
    except OSError:  # it ended in the meantime
        pass
    return links


def _listening_sockets() -> dict[str, tuple[str, int]]:
    """Return address and port of all listening TCP sockets, by the text of their links."""
    sockets = {}
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            _, local, _, state, *rest = line.split()
            if state != LISTENING:
                continue
            host, port = local.split(":")
            # Each group of four bytes is in the byte order of the machine, little-endian.
            words = [bytes.fromhex(host[i : i + 8])[::-1] for i in range(0, len(host), 8)]
            address = str(ipaddress.ip_address(b"".join(words)))
            sockets[f"socket:[{rest[5]}]"] = (address, int(port, 16))
    return sockets
