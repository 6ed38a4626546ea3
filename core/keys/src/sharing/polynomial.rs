//! How does a key become points, and points the key? Byte by byte over GF(256): each byte of the key is the value at 0 of
//! a random polynomial, and a share is its value at the share's number.
//!
//! The field is that of `vsss-rs` (the AES polynomial, without tables, so that no time depends on a key). The few lines of
//! Shamir's scheme stand here because crates draw from generators of their own and leave polynomials behind unwiped.

use vsss_rs::Gf256;
use zeroize::Zeroizing;

use crate::chance::Chance;

/// 32 polynomials, one for each byte of a key. The coefficients are uniform, zero included: a generator that leaves zero
/// out gives a little of the key away with each set (RUSTSEC-2024-0398).
pub(super) struct Polynomials {
    /// `[degree - 1][byte]`, all but the constant term, which is the key.
    coefficients: Zeroizing<Vec<[u8; 32]>>,
}

impl Polynomials {
    /// Of the degree that makes `threshold` points necessary.
    pub(super) fn random(chance: &dyn Chance, threshold: u8) -> Self {
        let mut coefficients = Zeroizing::new(vec![[0; 32]; usize::from(threshold) - 1]);
        for row in coefficients.iter_mut() {
            chance.fill(row);
        }
        Self { coefficients }
    }

    /// Their values at `number` (not 0: that is the key) go to `out`.
    pub(super) fn evaluate(&self, key: &[u8; 32], number: u8, out: &mut [u8; 32]) {
        assert_ne!(number, 0, "the value at 0 is the key");
        out.fill(0);
        let rows = self.coefficients.iter().rev().chain(std::iter::once(key));
        for row in rows {
            for (value, coefficient) in out.iter_mut().zip(row) {
                *value = (Gf256(*value) * Gf256(number) + Gf256(*coefficient)).0;
            }
        }
    }
}

/// The values at 0 of the polynomials through these points, whose numbers must differ from each other and from 0.
pub(super) fn interpolate(points: &[(u8, &[u8; 32])], out: &mut [u8; 32]) {
    out.fill(0);
    for (number, values) in points {
        let weight = points
            .iter()
            .filter(|(other, _)| other != number)
            .map(|(other, _)| Gf256(*other) / (Gf256(*other) - Gf256(*number)))
            .fold(Gf256(1), |product, factor| product * factor);
        for (sum, value) in out.iter_mut().zip(values.iter()) {
            *sum = (Gf256(*sum) + weight * Gf256(*value)).0;
        }
    }
}
