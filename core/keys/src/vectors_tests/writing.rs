//! How were the vectors made? By the code of this crate, from seeds; `FORMAT.md` says what they must mean.

use super::*;

const HEAD: &str =
    "# Test vectors of wardroom-keys; core/keys/FORMAT.md says what the bytes mean. A block is one case.\n";
const NOW_MS: i64 = 1_700_000_000_000;

struct Writer(String);

impl Writer {
    fn new(about: &str) -> Self {
        Self(format!("{HEAD}# {about}\n"))
    }

    fn case(&mut self, name: &str) -> &mut Self {
        self.0.push('\n');
        self.line("case", name)
    }

    fn line(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        let line = format!("{name}: {value}");
        writeln!(self.0, "{}", line.trim_end()).expect("memory");
        self
    }

    fn keyring(&mut self, name: &str, keyring: &Keyring) {
        let status = keyring.status();
        self.case(name)
            .line("cluster", keyring.cluster())
            .line("node", keyring.node())
            .line("kek-epoch", status.kek_epoch)
            .line("autolock", if status.autolock { "on" } else { "off" })
            .line("created-at-ms", keyring.created_at_ms())
            .line("unlock-key", text(&keyring.unlock_key().text()))
            .line("kek", hex(keyring.unlock_key().bytes()))
            .line("sealing-root", hex(keyring.sealing_root().bytes()));
        for epoch in [Some(status.dek_epoch), status.pending_dek_epoch].into_iter().flatten() {
            self.line("dek", dek_text(&keyring.dek_of(epoch).expect("it is held")));
        }
        self.line("file", hex(keyring.encode().expose()));
    }

    fn save(&self, file: &str) {
        std::fs::write(path(file), &self.0).expect("the folder is there");
    }
}

fn first(chance: &SeededChance) -> Keyring {
    let root = SealingRoot::generate(chance);
    Keyring::create(chance, "cluster1", "node1", &root, NOW_MS)
}

#[test]
#[ignore = "writes the vectors of the newest formats anew"]
fn write_the_vectors() {
    keyrings(&SeededChance::new(11));
    sealed(&SeededChance::new(12));
    node_keys(&SeededChance::new(13));
    shares(&SeededChance::new(14));
    malformed(&SeededChance::new(15));
}

fn keyrings(chance: &SeededChance) {
    let mut to =
        Writer::new("Keyring files of format 2. `dek` is `epoch order created-at-ms key`, the current one first.");
    let mut keyring = first(chance);
    to.keyring("autolock off", &keyring);
    keyring.rewrap(chance, &UnlockKey::generate(chance), 2, true);
    to.keyring("autolock on, under a second unlock key", &keyring);
    disk_keys(&keyring);
    keyring.begin_dek_rotation(chance, 41, NOW_MS + 500);
    to.keyring("autolock on, a DEK rotation for order 41 under way", &keyring);
    keyring.finish_dek_rotation(chance);
    keyring.begin_dek_rotation(chance, u64::MAX, -1);
    keyring.set_autolock(false);
    to.keyring("autolock off, another rotation under way", &keyring);
    let (root, kek) = (keyring.sealing_root(), keyring.unlock_key());
    let (cluster, node) = ("c".repeat(255), "ä".repeat(127));
    let joined = Keyring::join(chance, &cluster, &node, &root, &kek, u32::MAX, 0);
    to.keyring("ids of the largest length, the last KEK epoch", &joined);
    to.save("keyring-2.txt");
}

/// Of the ids that `tests/no_copies.rs` uses.
fn disk_keys(keyring: &Keyring) {
    let mut to = Writer::new("Keys derived from a DEK, the one of the second keyring in keyring-2.txt.");
    let (cluster, node, dek) = (keyring.cluster(), keyring.node(), keyring.dek());
    let segment = dek.segment_cipher(cluster, node, 1, [1; 16]);
    let snapshot = dek.snapshot_cipher(cluster, node, [2; 16]);
    let [record, chain] = segment.keys();
    to.case("segment 1 and a snapshot")
        .line("cluster", cluster)
        .line("node", node)
        .line("dek", dek_text(&dek))
        .line("segment-number", 1)
        .line("segment-id", hex(&[1; 16]))
        .line("record-key", hex(record))
        .line("chain-key", hex(chain))
        .line("snapshot-id", hex(&[2; 16]))
        .line("snapshot-key", hex(snapshot.key()))
        .line("chunk", hex(b"chunk"))
        .line("first-chunk", hex(&snapshot.seal_chunk(0, false, b"head", b"chunk")))
        .line("last-chunk", hex(&snapshot.seal_chunk(258, true, b"head", b"chunk")));
    to.save("disk-keys.txt");
}

fn sealed(chance: &SeededChance) {
    let mut to = Writer::new("Sealed bytes of the replicated state.");
    let values = [
        ("a password", b"hunter2".to_vec()),
        ("an empty value", Vec::new()),
        ("bytes", (0..=255).collect()),
    ];
    for (name, value) in values {
        let (root, key) = (SealingRoot::generate(chance), UnlockKey::generate(chance));
        let context = SealContext {
            cluster: "cluster1",
            secret: "secret1",
            version: "version1",
        };
        let value = SecretBytes::new(value);
        let sealed = root.seal(chance, &context, &value);
        let (root_key, join_secret) = (SecretBytes::new(vec![0x30; 138]), SecretBytes::new((0..16).collect()));
        to.case(name)
            .line("sealing-root", hex(root.bytes()))
            .line("cluster", context.cluster)
            .line("secret", context.secret)
            .line("version", context.version)
            .line("value", hex(value.expose()))
            .line("wrapped-key", hex(&sealed.wrapped_key))
            .line("ciphertext", hex(&sealed.ciphertext))
            .line("key-check", hex(&sealed.key_check))
            .line("receipt-digest", hex(&sealed.receipt_digest))
            .line("fingerprint", hex(&sealed.fingerprint))
            .line("root-key", hex(root_key.expose()))
            .line(
                "sealed-root-key",
                hex(&root.seal_root_key(chance, "cluster1", &root_key)),
            )
            .line("role", "worker")
            .line("join-secret", hex(join_secret.expose()))
            .line(
                "sealed-join-secret",
                hex(&root.seal_join_secret(chance, "cluster1", "worker", &join_secret)),
            )
            .line("kek-epoch", 3)
            .line("unlock-key", text(&key.text()))
            .line(
                "sealed-unlock-key",
                hex(&root.seal_unlock_key(chance, "cluster1", 3, &key)),
            );
    }
    to.save("sealed.txt");
}

fn node_key(to: &mut Writer, chance: &SeededChance, dek: &Dek, der: &SecretBytes) -> Vec<u8> {
    let file = dek.seal_node_key(chance, "cluster1", "node1", der);
    to.line("cluster", "cluster1")
        .line("node", "node1")
        .line("dek", dek_text(dek))
        .line("der", hex(der.expose()))
        .line("file", hex(&file));
    file
}

fn node_keys(chance: &SeededChance) {
    let mut to = Writer::new("Sealed node keys. `dek` is `epoch order created-at-ms key`.");
    for (name, epoch, len) in [
        ("of the usual length", 1, 138),
        ("the last epoch", u32::MAX, 1),
        ("empty", 2, 0),
    ] {
        let dek = Dek::generate(chance, epoch, 0, NOW_MS);
        node_key(to.case(name), chance, &dek, &SecretBytes::new(vec![0x30; len]));
    }
    to.save("node-key.txt");
}

fn shares(chance: &SeededChance) {
    let mut to = Writer::new("Shares that give an unlock key together: just enough of them, or more.");
    for (name, made, threshold, given) in [
        ("3 of 5, three given", 5, 3, vec![5, 1, 3]),
        ("2 of 2", 2, 2, vec![1, 2]),
        ("2 of 255, more than enough given", 255, 2, vec![255, 128, 7]),
        ("16 of 16", 16, 16, (1..=16).collect()),
    ] {
        let key = UnlockKey::generate(chance);
        let set = split(chance, &key, 9, made, threshold).expect("numbers that make sense");
        to.case(name)
            .line("unlock-key", text(&key.text()))
            .line("kek-epoch", 9)
            .line("set", hex(&set[0].set()))
            .line("threshold", threshold);
        for number in given {
            to.line(
                "share",
                text(&set[usize::from(u8::try_from(number).expect("small")) - 1].text()),
            );
        }
    }
    to.save("shares.txt");
}

fn malformed(chance: &SeededChance) {
    let mut to = Writer::new("Bytes that must be refused, and the kind of the refusal.");
    let mut keyring = first(chance);
    let good = keyring.encode().expose().to_vec();
    keyring.set_autolock(true);
    let locked = keyring.encode().expose().to_vec();
    let key = text(&keyring.unlock_key().text()).to_owned();
    let other = text(&UnlockKey::generate(chance).text()).to_owned();
    let with = |at: usize, bytes: &[u8]| {
        let mut bent = good.clone();
        bent[at..at + bytes.len()].copy_from_slice(bytes);
        bent
    };
    let longer = [good.as_slice(), b"x"].concat();
    let (len, root_at, slot_at) = (good.len(), 28 + 9 + 6, 28 + 9 + 6 + 72);
    for (name, expect, unlock, file) in [
        ("another magic", "NotAKeyring", &key, with(0, b"X")),
        ("a newer format", "Newer", &key, with(8, &[3, 0])),
        ("format 0", "Damaged", &key, with(8, &[0, 0])),
        (
            "the same bytes said to be of format 1",
            "Damaged",
            &key,
            with(8, &[1, 0]),
        ),
        ("autolock 2", "Damaged", &key, with(10, &[2])),
        ("no slots", "Damaged", &key, with(11, &[0])),
        ("three slots", "Damaged", &key, with(11, &[3])),
        ("another KEK epoch", "Damaged", &key, with(12, &[2])),
        ("another check value", "Damaged", &key, with(16, &[0])),
        ("another time", "Damaged", &key, with(20, &[1])),
        ("the sealing root bent", "Damaged", &key, with(root_at + 30, &[0])),
        ("another DEK epoch", "Damaged", &key, with(slot_at, &[2])),
        ("another order", "Damaged", &key, with(slot_at + 4, &[1])),
        (
            "another clear KEK",
            "Damaged",
            &key,
            with(len - 1, &[good[len - 1] ^ 1]),
        ),
        ("cut off", "Damaged", &key, good[..len - 1].to_vec()),
        ("empty", "Damaged", &key, Vec::new()),
        ("a byte too many", "Damaged", &key, longer),
        ("another unlock key", "WrongKey", &other, locked),
    ] {
        to.case(&format!("keyring: {name}"))
            .line("kind", "keyring")
            .line("expect", expect)
            .line("cluster", "cluster1")
            .line("node", "node1")
            .line("unlock-key", unlock)
            .line("file", hex(&file));
    }
    malformed_node_keys(&mut to, chance);
    malformed_shares(&mut to, chance);
    to.save("malformed.txt");
}

fn malformed_node_keys(to: &mut Writer, chance: &SeededChance) {
    let dek = Dek::generate(chance, 1, 0, NOW_MS);
    let good = dek.seal_node_key(chance, "cluster1", "node1", &SecretBytes::new(vec![0x30; 138]));
    let of_another = dek.seal_node_key(chance, "cluster1", "node2", &SecretBytes::new(vec![0x30; 138]));
    let with = |at: usize, byte: u8| {
        let mut bent = good.clone();
        bent[at] = byte;
        bent
    };
    for (name, expect, file) in [
        ("a key in clear", "NotANodeKey", vec![0x30, 0x81, 0x87]),
        ("a newer format", "Newer", with(8, 2)),
        ("format 0", "Damaged", with(8, 0)),
        ("another epoch", "OtherEpoch", with(10, 2)),
        (
            "a bent tag",
            "Damaged",
            with(good.len() - 1, good[good.len() - 1] ^ 0x80),
        ),
        ("cut off in its header", "Damaged", good[..13].to_vec()),
        ("cut off", "Damaged", good[..good.len() - 1].to_vec()),
        ("of another node", "Damaged", of_another),
    ] {
        to.case(&format!("node key: {name}"))
            .line("kind", "node-key")
            .line("expect", expect)
            .line("cluster", "cluster1")
            .line("node", "node1")
            .line("dek", dek_text(&dek))
            .line("file", hex(&file));
    }
}

fn malformed_shares(to: &mut Writer, chance: &SeededChance) {
    let key = UnlockKey::generate(chance);
    let good = text(&split(chance, &key, 1, 3, 2).expect("numbers that make sense")[0].text()).to_owned();
    let swapped = format!("{}{}{}{}", &good[..30], &good[31..32], &good[30..31], &good[32..]);
    for (name, expect, share) in [
        ("an unlock key", "NotAShare", text(&key.text()).to_owned()),
        ("a newer kind", "NotAShare", good.replacen("-1-", "-2-", 1)),
        ("in lower case", "NotAShare", good.to_lowercase()),
        ("one character short", "NotAShare", good[..77].to_owned()),
        ("one character long", "NotAShare", format!("{good}A")),
        ("two characters swapped", "Mistyped", swapped),
        (
            "a character that no share has",
            "Mistyped",
            format!("{}!{}", &good[..40], &good[41..]),
        ),
    ] {
        to.case(&format!("share: {name}"))
            .line("kind", "share")
            .line("expect", expect)
            .line("share", share);
    }
}
