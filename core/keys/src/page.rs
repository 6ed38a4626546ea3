//! How is a key kept out of swap and core files? Each long-lived key has a page of its own, locked and undumpable.
#![allow(unsafe_code)] // mlock and madvise act on raw addresses; nothing else in this crate needs unsafe

use rustix::mm::{Advice, madvise, mlock, munlock};
use zeroize::Zeroize;

const PAGE: usize = 4096;

/// One whole page, so that locking or hiding it never touches a neighbour's memory.
#[repr(C, align(4096))]
struct Page([u8; PAGE]);

/// 32 key bytes alone on a page that is locked and left out of core files where the limits allow it.
///
/// Best effort by intent: a low `RLIMIT_MEMLOCK` must not stop a manager. `is_locked` tells what was reached.
pub(crate) struct KeyPage {
    page: Box<Page>,
    locked: bool,
}

impl KeyPage {
    pub(crate) fn new() -> Self {
        let mut page = Box::new(Page([0; PAGE]));
        let address = std::ptr::from_mut::<Page>(&mut page).cast();
        // SAFETY: the range is exactly one page that `page` owns until drop; neither call reads, writes or unmaps it.
        // Pages of another size than 4 KiB only make mlock cover more (it rounds down) and madvise refuse.
        let locked = unsafe {
            let _ = madvise(address, PAGE, Advice::LinuxDontDump);
            mlock(address, PAGE).is_ok()
        };
        Self { page, locked }
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.page.0.first_chunk().expect("a page holds more than 32 bytes")
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8; 32] {
        self.page.0.first_chunk_mut().expect("a page holds more than 32 bytes")
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.locked
    }
}

impl Drop for KeyPage {
    fn drop(&mut self) {
        self.page.0[..32].zeroize();
        let address = std::ptr::from_mut::<Page>(&mut self.page).cast();
        // SAFETY: same range as in `new`, still owned; the page returns to the allocator in its ordinary state.
        unsafe {
            let _ = madvise(address, PAGE, Advice::LinuxDoDump);
            if self.locked {
                let _ = munlock(address, PAGE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_aligned_and_keeps_what_is_put_in() {
        let mut page = KeyPage::new();
        page.bytes_mut().copy_from_slice(&[7; 32]);
        assert_eq!(page.bytes(), &[7; 32]);
        assert_eq!(page.bytes().as_ptr() as usize % PAGE, 0);
    }
}
