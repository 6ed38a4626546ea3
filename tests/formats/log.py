#!/usr/bin/env python3
"""Reads the log and the snapshot of a manager with given DEKs and prints what they hold.

    log.py DIRECTORY [--deks FILE | --keyring FILE]

A second reader of core/log/FORMAT.md and core/keys/FORMAT.md, written from those pages alone: what it cannot read is
missing there. DIRECTORY holds log/ and snapshots/. The DEKs come from a text file with a line `epoch hex` for each
(DIRECTORY/deks.txt if nothing is given), or from a keyring whose unlock key stands in it in clear.

It repairs nothing: a torn batch at the end is reported as damage, as anything else that is not what was written.
The cryptography is PyPI's pycryptodome (XChaCha20-Poly1305) and Python's own hashlib and hmac.
"""

import argparse
import hashlib
import hmac
import struct
import sys
from pathlib import Path

from Crypto.Cipher import ChaCha20_Poly1305

HEADER, HEAD, TAG, CHUNK = 512, 41, 16, 64 << 10
KINDS = {1: "vote", 2: "entry", 3: "truncate", 4: "purge", 5: "committed", 6: "keep"}


class Damaged(Exception):
    pass


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def bind(domain, *parts):
    return b"".join(struct.pack("<I", len(part)) + part for part in (domain.encode(), *parts))


def hkdf(key, salt, info):
    """RFC 5869 with SHA-256, one block of output."""
    return mac(mac(salt or bytes(32), key), info, b"\x01")


def unseal(key, nonce, aad, sealed):
    cipher = ChaCha20_Poly1305.new(key=key, nonce=nonce)
    cipher.update(aad)
    return cipher.decrypt_and_verify(sealed[:-TAG], sealed[-TAG:])


def ids(data, at):
    """Cluster and node, each behind a byte that says how long it is; and where they end."""
    out = []
    for _ in range(2):
        length = data[at]
        out.append(bytes(data[at + 1 : at + 1 + length]))
        at += 1 + length
    return out, at


def keys_of_keyring(data):
    """The DEKs of a keyring with autolock off, by epoch."""
    form, autolock, slots, kek_epoch = struct.unpack_from("<HBBI", data, 8)
    if data[:8] != b"WRDKEYRG" or form not in (1, 2) or autolock:
        raise Damaged("this is no keyring that can be read without its unlock key")
    who, at = ids(data, 28)
    kek = data[-32:]
    if mac(kek, b"wardroom/check/v1")[:4] != data[16:20]:
        raise Damaged("the keyring's unlock key is not the one it was made with")
    if mac(hkdf(kek, b"", bind("wardroom/kek-commit/v1")), b"kc", data[:-64]) != data[-64:-32]:
        raise Damaged("the keyring is not what was written")
    wrap, deks = hkdf(kek, b"", bind("wardroom/kek-wrap/v1")), {}
    at += 72  # the sealing root
    for _ in range(slots):
        epoch = data[at : at + 4]
        at += {1: 16, 2: 24}[form]  # epoch, order since format 2, time, check value
        aad = bind("wardroom/dek/v1", *who, epoch)
        deks[struct.unpack("<I", epoch)[0]] = unseal(wrap, data[at : at + 24], aad, data[at + 24 : at + 72])
        at += 72
    return deks


def keys_of_text(text):
    lines = (line.split() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {int(epoch): bytes.fromhex(key) for epoch, key in lines}


def fields(kind, plain):
    """A record's plaintext in words."""
    if kind in (1, 5):
        return plain.hex()
    if kind == 2:
        term, index = struct.unpack_from("<QQ", plain)
        return f"term {term} index {index} {plain[16:].hex()}".rstrip()
    if kind == 4:
        index, keep = struct.unpack_from("<QQ", plain)
        return f"index {index} keep {keep} {plain[16:].hex()}"
    return f"{'index' if kind == 3 else 'segment'} {struct.unpack('<Q', plain)[0]}"


class Segment:
    def __init__(self, path, deks):
        self.data = path.read_bytes()
        self.number = int(path.stem)
        header = self.data[:HEADER]
        if header[:8] != b"WRDRMLOG":
            self.damaged(0, "it has no header")
        self.format, _, self.epoch, number, self.first, self.id, self.before = struct.unpack_from("<HHIQQ16s32s", header, 8)
        self.who, _ = ids(header, 80)
        (size,) = struct.unpack_from("<Q", header, 472)
        if self.format not in (1, 2) or number != self.number or self.epoch not in deks:
            self.damaged(0, "its format, number or epoch is not known")
        bound = [*self.who, struct.pack("<I", self.epoch), struct.pack("<Q", number)]
        self.record_key = hkdf(deks[self.epoch], self.id, bind("wardroom/wal-record/v1", *bound))
        self.chain_key = hkdf(deks[self.epoch], self.id, bind("wardroom/wal-chain/v1", *bound))
        self.chain = mac(self.chain_key, b"header", header[:480])
        if self.chain != header[480:]:
            self.damaged(0, "its header does not authenticate")
        if self.format > 1 and size != len(self.data):
            self.damaged(min(size, len(self.data)), "the file is not as long as it was made")
        self.aad = b"wardroom/log-record/v1" + struct.pack("<H", self.format) + bind("", *self.who)[4:]
        self.aad += struct.pack("<Q", number) + self.id

    def damaged(self, at, why):
        raise Damaged(f"log segment {self.number} is damaged at offset {at}: {why}")

    def records(self):
        """Offset, sequence number, whether a batch begins, kind and plaintext of each record."""
        at, seq = HEADER, self.first
        while at + HEAD <= len(self.data) and any(self.data[at : at + 4]):
            head = self.data[at : at + HEAD]
            length, kind, epoch, found, nonce_seq = struct.unpack_from("<IBIQQ", head)
            sealed = self.data[at + HEAD : at + HEAD + length]
            if (epoch, found, nonce_seq) != (self.epoch, seq, seq) or not TAG <= length == len(sealed):
                self.damaged(at, "this is not the record that belongs here")
            try:
                plain = unseal(self.record_key, head[17:], self.aad + head[:17] + self.chain, sealed)
            except ValueError:
                self.damaged(at, "the record does not authenticate")
            self.chain = mac(self.chain_key, b"record", self.chain, head, sealed[-TAG:])
            yield at, seq, bool(kind & 0x80), kind & 0x7F, plain
            at, seq = at + HEAD + length, seq + 1
        if any(self.data[at:]):
            self.damaged(at, "something stands behind the last record")
        self.next = seq


def print_log(folder, deks):
    paths = sorted(folder.glob("*.seg"))
    if not any(paths[-1].read_bytes()):
        paths.pop()  # made ahead of time
    before = None
    for path in paths:
        segment = Segment(path, deks)
        if before and (segment.number, segment.before, segment.first) != (before.number + 1, before.chain, before.next):
            raise Damaged(f"log segment {segment.number} does not follow the one before it")
        print(f"segment {segment.number} format {segment.format} epoch {segment.epoch} bytes {len(segment.data)}")
        for at, seq, begins, kind, plain in segment.records():
            print(f"  {at} {'*' if begins else ' '} {seq} {KINDS[kind]} {fields(kind, plain)}")
        before = segment


def print_snapshot(path, deks):
    data, number = path.read_bytes(), int(path.stem)
    form, epoch, found, ident = struct.unpack_from("<HIQ16s", data, 8)
    who, end = ids(data, 38)
    if data[:8] != b"WRDRSNAP" or form != 1 or found != number or epoch not in deks:
        raise Damaged(f"snapshot {number} has a header that is not known")
    key = hkdf(deks[epoch], ident, bind("wardroom/snapshot/v1", *who, struct.pack("<I", epoch)))
    header, body, plain = data[:end], data[end:], b""
    chunks = [body[at : at + CHUNK + TAG] for at in range(0, len(body), CHUNK + TAG)]
    for counter, chunk in enumerate(chunks):
        nonce = ident + bytes(3) + struct.pack(">IB", counter, counter + 1 == len(chunks))
        try:
            plain += unseal(key, nonce, header, chunk)
        except ValueError:
            raise Damaged(f"snapshot {number} is damaged in chunk {counter}") from None
    (meta,) = struct.unpack_from("<I", plain)
    print(f"snapshot {number} format {form} epoch {epoch} bytes {len(data)}")
    print(f"  meta {shown(plain[4 : 4 + meta])}")
    print(f"  data {shown(plain[4 + meta :])}")


def shown(data):
    return data.hex() if len(data) <= 64 else f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--deks", type=Path, help="a line `epoch hex` for each")
    parser.add_argument("--keyring", type=Path, help="with autolock off")
    given = parser.parse_args()
    if given.keyring:
        deks = keys_of_keyring(given.keyring.read_bytes())
    else:
        deks = keys_of_text((given.deks or given.directory / "deks.txt").read_text())
    print_log(given.directory / "log", deks)
    for path in sorted((given.directory / "snapshots").glob("*.snap")):
        print_snapshot(path, deks)


if __name__ == "__main__":
    try:
        main()
    except Damaged as damage:
        sys.exit(str(damage))
