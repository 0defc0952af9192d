//! `BLAKE2b` (RFC 7693) without a key, for digests of 16 bytes.

const START: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

const ORDER: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

const ROUNDS: usize = 12;
const BLOCK: usize = 128;
const DIGEST: usize = 16;

/// The digest of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> [u8; DIGEST] {
    let mut state = START;
    state[0] ^= 0x0101_0000 ^ DIGEST as u64;
    let last = bytes.len().saturating_sub(1) / BLOCK;
    for number in 0..=last {
        let rest = &bytes[number * BLOCK..];
        let size = rest.len().min(BLOCK);
        let mut block = [0_u8; BLOCK];
        block[..size].copy_from_slice(&rest[..size]);
        compress(
            &mut state,
            &block,
            (number * BLOCK + size) as u64,
            number == last,
        );
    }
    let mut found = [0; DIGEST];
    for (place, word) in found.chunks_mut(8).zip(state) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    found
}

fn compress(state: &mut [u64; 8], block: &[u8; BLOCK], count: u64, last: bool) {
    let words: Vec<u64> = block
        .chunks(8)
        .map(|word| u64::from_le_bytes(word.try_into().expect("words have 8 bytes")))
        .collect();
    let mut work = [0; 16];
    work[..8].copy_from_slice(state);
    work[8..].copy_from_slice(&START);
    work[12] ^= count;
    if last {
        work[14] = !work[14];
    }
    for round in 0..ROUNDS {
        let order = &ORDER[round % ORDER.len()];
        for step in 0..4 {
            let pair = (words[order[2 * step]], words[order[2 * step + 1]]);
            mix(&mut work, [step, step + 4, step + 8, step + 12], pair);
        }
        for step in 0..4 {
            let pair = (words[order[8 + 2 * step]], words[order[9 + 2 * step]]);
            let places = [
                step,
                4 + (step + 1) % 4,
                8 + (step + 2) % 4,
                12 + (step + 3) % 4,
            ];
            mix(&mut work, places, pair);
        }
    }
    for (place, word) in state.iter_mut().enumerate() {
        *word ^= work[place] ^ work[place + 8];
    }
}

fn mix(work: &mut [u64; 16], [a, b, c, d]: [usize; 4], (first, second): (u64, u64)) {
    work[a] = work[a].wrapping_add(work[b]).wrapping_add(first);
    work[d] = (work[d] ^ work[a]).rotate_right(32);
    work[c] = work[c].wrapping_add(work[d]);
    work[b] = (work[b] ^ work[c]).rotate_right(24);
    work[a] = work[a].wrapping_add(work[b]).wrapping_add(second);
    work[d] = (work[d] ^ work[a]).rotate_right(16);
    work[c] = work[c].wrapping_add(work[d]);
    work[b] = (work[b] ^ work[c]).rotate_right(63);
}

#[cfg(test)]
mod tests {
    use super::digest;

    fn hex(bytes: &[u8; 16]) -> String {
        format!("{:032x}", u128::from_be_bytes(*bytes))
    }

    /// The digests are those of `hashlib.blake2b(..., digest_size=16)`.
    #[test]
    fn digests_are_those_of_python() {
        assert_eq!(hex(&digest(b"")), "cae66941d9efbd404e4d88758ea67670");
        assert_eq!(
            hex(&digest(b"order-42\n7")),
            "2655988bc7368eea7642b20064d330d7"
        );
        assert_eq!(
            hex(&digest(&[b'a'; 128])),
            "1271d28e731afb57bdfba6bdaf3501be"
        );
        assert_eq!(
            hex(&digest(&[b'b'; 129])),
            "a5e04c2670c1f52138f5b0c07bd2a87d"
        );
        assert_eq!(
            hex(&digest(&[b'c'; 300])),
            "042fde65b3f376de1f561796e4334dfe"
        );
    }
}
