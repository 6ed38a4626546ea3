#!/usr/bin/env python3
"""Do the formats of wardroom-keys mean what core/keys/FORMAT.md says? A second implementation, written from that page.

Reads the vectors in core/keys/tests/vectors and says how many hold. Needs `pip install pycryptodome` and nothing else;
exits with 77 where that is missing. `open_keyring` and the primitives are there to be imported by other readers.
"""

import base64
import hashlib
import hmac
import struct
import sys
from pathlib import Path

try:
    from Crypto.Cipher import ChaCha20_Poly1305
except ImportError:
    sys.exit(print("the Python package pycryptodome is not there", file=sys.stderr) or 77)

VECTORS = Path(__file__).resolve().parents[2] / "core/keys/tests/vectors"


class Refused(Exception):
    """The bytes are not what they should be. Named as the Rust code names it."""


# --- primitives -------------------------------------------------------------------------------------------------------


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def hkdf(key, salt, info):
    """HKDF-SHA256 into 32 bytes: one block (RFC 5869)."""
    extracted = mac(salt or bytes(32), key)
    return mac(extracted, info, b"\x01")


def bind(domain, *parts):
    texts = [part.encode() if isinstance(part, str) else part for part in (domain, *parts)]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def u32(number):
    return struct.pack("<I", number)


def open_sealed(key, nonce, aad, sealed):
    """XChaCha20-Poly1305: 24 bytes of nonce, the tag at the end."""
    if len(sealed) < 16:
        raise Refused("Damaged")
    cipher = ChaCha20_Poly1305.new(key=key, nonce=nonce)
    cipher.update(aad)
    try:
        return cipher.decrypt_and_verify(sealed[:-16], sealed[-16:])
    except ValueError:
        raise Refused("Damaged") from None


def unwrap(key, aad, wrapped):
    if len(wrapped) < 40:
        raise Refused("Damaged")
    return open_sealed(key, wrapped[:24], aad, wrapped[24:])


def check(key):
    return mac(key, b"wardroom/check/v1")[:4]


# --- formats ----------------------------------------------------------------------------------------------------------


def unlock_key(text):
    prefix = "SWMKEY-1-"
    if not text.startswith(prefix) or len(text) != len(prefix) + 43:
        raise Refused("Malformed")
    return base64.b64decode(text[len(prefix) :] + "=", validate=True)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        part = self.data[self.at : self.at + count]
        if len(part) < count:
            raise Refused("Damaged")
        self.at += count
        return part

    def number(self, code):
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]


def open_keyring(data, cluster, node, kek=None):
    """The keys in a keyring file, as a dictionary. `kek` is needed while autolock is on."""
    read = Reader(data)
    if read.take(8) != b"WRDKEYRG":
        raise Refused("NotAKeyring")
    version = read.number("H")
    if version > 2:
        raise Refused("Newer")
    autolock, count = read.number("B"), read.number("B")
    if version == 0 or autolock > 1 or count not in (1, 2):
        raise Refused("Damaged")
    kek_epoch, kek_check, created = read.number("I"), read.take(4), read.number("q")
    found = [read.take(read.number("B")).decode() for _ in range(2)]
    wrapped_root = read.take(72)
    slots = []
    for _ in range(count):
        epoch = read.number("I")
        order = read.number("Q") if version == 2 else 0
        slots.append((epoch, order, read.number("q"), read.take(4), read.take(72)))
    committed, commitment = data[: read.at], read.take(32)
    clear = read.take(32) if not autolock else None
    if read.at != len(data):
        raise Refused("Damaged")
    if found != [cluster, node]:
        raise Refused("OtherCluster" if found[0] != cluster else "OtherNode")
    if clear is None and kek is None:
        raise Refused("Locked")
    wrong = "WrongKey" if clear is None else "Damaged"
    kek = clear or kek
    if check(kek) != kek_check:
        raise Refused(wrong)
    if mac(hkdf(kek, b"", bind("wardroom/kek-commit/v1")), b"kc", committed) != commitment:
        raise Refused("Damaged")
    key = hkdf(kek, b"", bind("wardroom/kek-wrap/v1"))
    root = unwrap(key, bind("wardroom/sealing-root/v1", cluster, node, u32(kek_epoch)), wrapped_root)
    deks = []
    for epoch, order, at, dek_check, wrapped in slots:
        dek = unwrap(key, bind("wardroom/dek/v1", cluster, node, u32(epoch)), wrapped)
        if check(dek) != dek_check:
            raise Refused("Damaged")
        deks.append((epoch, order, at, dek))
    return {"kek": kek, "kek_epoch": kek_epoch, "autolock": autolock, "created": created, "root": root, "deks": deks}


def open_node_key(data, cluster, node, epoch, dek):
    if data[:8] != b"WRDNODEK":
        raise Refused("NotANodeKey")
    read = Reader(data)
    read.take(8)
    version, sealed_under = struct.unpack("<HI", read.take(6))
    if version != 1:
        raise Refused("Newer" if version > 1 else "Damaged")
    if sealed_under != epoch:
        raise Refused("OtherEpoch")
    bound = bind("wardroom/node-key/v1", cluster, node, u32(epoch))
    return unwrap(hkdf(dek, b"", bound), bound, data[14:])


def read_share(text):
    prefix = "SWMSHARE-1-"
    if not text.startswith(prefix) or len(text) != len(prefix) + 67:
        raise Refused("NotAShare")
    try:
        data = base64.b64decode(text[len(prefix) :] + "=", validate=True)
    except ValueError:
        raise Refused("Mistyped") from None
    body, checksum = data[:46], data[46:]
    if mac(b"wardroom/share/v1", body)[:4] != checksum:
        raise Refused("Mistyped")
    share_set, epoch, key_check, threshold, number = struct.unpack("<4sI4sBB", body[:14])
    return {
        "set": share_set,
        "epoch": epoch,
        "check": key_check,
        "threshold": threshold,
        "number": number,
        "value": body[14:],
    }


def multiply(a, b):
    """In GF(256) of AES: x^8 + x^4 + x^3 + x + 1."""
    product = 0
    for _ in range(8):
        product ^= a if b & 1 else 0
        a, b = (a << 1) ^ (0x11B if a & 0x80 else 0), b >> 1
    return product


def invert(a):
    return next(b for b in range(1, 256) if multiply(a, b) == 1)


def combine(shares):
    """The key: the value at 0 of the polynomial through the shares (Lagrange), byte by byte."""
    key = bytearray(32)
    for share in shares:
        weight = 1
        for other in shares:
            if other is not share:
                weight = multiply(weight, multiply(other["number"], invert(other["number"] ^ share["number"])))
        for at, value in enumerate(share["value"]):
            key[at] ^= multiply(weight, value)
    return bytes(key)


# --- the vectors ------------------------------------------------------------------------------------------------------


class Case:
    def __init__(self, block):
        pairs = [line.split(":", 1) for line in block.splitlines() if not line.startswith("#")]
        self.pairs = [(name, value.strip()) for name, value in pairs]

    def all(self, name):
        return [value for key, value in self.pairs if key == name]

    def text(self, name):
        return self.all(name)[0]

    def hex(self, name):
        return bytes.fromhex(self.text(name))

    def dek(self, text=None):
        epoch, order, created, key = (text or self.text("dek")).split(" ")
        return int(epoch), int(order), int(created), bytes.fromhex(key)


def cases(name):
    blocks = [Case(block) for block in (VECTORS / name).read_text().split("\n\n")]
    return [case for case in blocks if case.pairs]


def same(found, expected):
    if found != expected:
        raise AssertionError(f"{found!r} is not {expected!r}")


def keyring(case):
    kek = unlock_key(case.text("unlock-key"))
    found = open_keyring(case.hex("file"), case.text("cluster"), case.text("node"), kek)
    same(found["kek"], case.hex("kek"))
    same(found["kek_epoch"], int(case.text("kek-epoch")))
    same(found["autolock"], int(case.text("autolock") == "on"))
    same(found["created"], int(case.text("created-at-ms")))
    same(found["root"], case.hex("sealing-root"))
    same(found["deks"], [case.dek(text) for text in case.all("dek")])


def sealed(case):
    root, cluster, value = case.hex("sealing-root"), case.text("cluster"), case.hex("value")
    names = (cluster, case.text("secret"), case.text("version"))
    wrap_key = hkdf(root, b"", bind("wardroom/sealing-wrap/v1", cluster))
    data_key = unwrap(wrap_key, bind("wardroom/data-key/v1", *names), case.hex("wrapped-key"))
    same(check(data_key), case.hex("key-check"))
    value_key = hkdf(data_key, b"", bind("wardroom/value-key/v1", *names))
    same(unwrap(value_key, bind("wardroom/value/v1", *names), case.hex("ciphertext")), value)
    receipt_key = hkdf(data_key, b"", bind("wardroom/receipt-key/v1", *names))
    same(mac(receipt_key, b"wardroom/receipt/v1", value), case.hex("receipt-digest"))
    print_key = hkdf(root, b"", bind("wardroom/fingerprint/v1", *names[:2]))
    same(mac(print_key, value), case.hex("fingerprint"))
    same(unwrap(wrap_key, bind("wardroom/root-ca-key/v1", cluster), case.hex("sealed-root-key")), case.hex("root-key"))
    aad = bind("wardroom/join-secret/v1", cluster, case.text("role"))
    same(unwrap(wrap_key, aad, case.hex("sealed-join-secret")), case.hex("join-secret"))
    aad = bind("wardroom/unlock-key/v1", cluster, u32(int(case.text("kek-epoch"))))
    same(unwrap(wrap_key, aad, case.hex("sealed-unlock-key")), unlock_key(case.text("unlock-key")))


def node_key(case):
    epoch, _order, _created, dek = case.dek()
    same(open_node_key(case.hex("file"), case.text("cluster"), case.text("node"), epoch, dek), case.hex("der"))


def shares(case):
    given = [read_share(text) for text in case.all("share")]
    key, threshold = unlock_key(case.text("unlock-key")), int(case.text("threshold"))
    for share in given:
        facts = [share[name] for name in ("set", "epoch", "check", "threshold")]
        same(facts, [case.hex("set"), int(case.text("kek-epoch")), check(key), threshold])
    same(combine(given), key)
    same(combine(given[:threshold]), key)
    if threshold > 2 or len(given) > 1:
        assert combine(given[: threshold - 1]) != key, "one share less gives the key"


def disk_keys(case):
    cluster, node = case.text("cluster"), case.text("node")
    epoch, _order, _created, dek = case.dek()
    segment = (cluster, node, u32(epoch), struct.pack("<Q", int(case.text("segment-number"))))
    for name in ("record", "chain"):
        derived = hkdf(dek, case.hex("segment-id"), bind(f"wardroom/wal-{name}/v1", *segment))
        same(derived, case.hex(f"{name}-key"))
    snapshot = case.hex("snapshot-id")
    key = hkdf(dek, snapshot, bind("wardroom/snapshot/v1", cluster, node, u32(epoch)))
    same(key, case.hex("snapshot-key"))
    for name, counter, last in (("first-chunk", 0, 0), ("last-chunk", 258, 1)):
        nonce = snapshot + bytes(3) + struct.pack(">IB", counter, last)
        same(open_sealed(key, nonce, b"head", case.hex(name)), case.hex("chunk"))


def malformed(case):
    try:
        if case.text("kind") == "keyring":
            kek = unlock_key(case.text("unlock-key"))
            open_keyring(case.hex("file"), case.text("cluster"), case.text("node"), kek)
        elif case.text("kind") == "node-key":
            epoch, _order, _created, dek = case.dek()
            open_node_key(case.hex("file"), case.text("cluster"), case.text("node"), epoch, dek)
        else:
            read_share(case.text("share"))
    except Refused as refusal:
        same(str(refusal), case.text("expect"))
    else:
        raise AssertionError("it was accepted")


def main():
    files = {
        "keyring-1.txt": keyring,
        "keyring-2.txt": keyring,
        "sealed.txt": sealed,
        "node-key.txt": node_key,
        "disk-keys.txt": disk_keys,
        "shares.txt": shares,
        "malformed.txt": malformed,
    }
    passed = failed = 0
    for name, verify in files.items():
        for case in cases(name):
            try:
                verify(case)
                passed += 1
            except (AssertionError, Refused) as error:
                print(f"{name}: {case.text('case')}: {error}")
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
