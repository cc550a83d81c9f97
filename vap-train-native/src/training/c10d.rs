//! The only door to libtorch's process groups: safe Rust over `native/c10d.cpp`. Messages are libtorch's own.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::NonNull;
use std::time::Duration;

use tch::Tensor;
use torch_sys::C_tensor;

/// What libtorch says went wrong.
pub type Message = String;

#[repr(C)]
struct RawStore([u8; 0]);

#[repr(C)]
struct RawGroup([u8; 0]);

unsafe extern "C" {
    fn vap_c10d_has_nccl() -> c_int;
    fn vap_message_free(message: *mut c_char);
    fn vap_store_open(
        host: *const c_char,
        port: u16,
        serves: c_int,
        prefix: *const c_char,
        timeout_ms: i64,
        out: *mut *mut RawStore,
    ) -> *mut c_char;
    fn vap_store_close(store: *mut RawStore);
    fn vap_store_roll_call(
        store: *mut RawStore,
        tag: *const c_char,
        rank: c_int,
        size: c_int,
        timeout_ms: i64,
        present: *mut u8,
    ) -> *mut c_char;
    fn vap_group_create(
        store: *mut RawStore,
        rank: c_int,
        size: c_int,
        device: i64,
        join_ms: i64,
        timeout_ms: i64,
        out: *mut *mut RawGroup,
    ) -> *mut c_char;
    fn vap_group_destroy(group: *mut RawGroup);
    fn vap_group_all_reduce(group: *mut RawGroup, tensor: *mut C_tensor) -> *mut c_char;
    fn vap_group_broadcast(group: *mut RawGroup, tensor: *mut C_tensor, root: c_int) -> *mut c_char;
    fn vap_group_barrier(group: *mut RawGroup) -> *mut c_char;
}

/// Whether groups on CUDA devices can be made.
pub fn has_nccl() -> bool {
    // SAFETY: takes nothing and touches nothing.
    unsafe { vap_c10d_has_nccl() != 0 }
}

/// Takes over a message of the C side.
fn result(message: *mut c_char) -> Result<(), Message> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: every message that is not null is a string made by strdup, handed over once.
    unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        vap_message_free(message);
        Err(text)
    }
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn c_string(text: &str) -> Result<CString, Message> {
    CString::new(text).map_err(|_| format!("expected text without zero bytes, found {text:?}"))
}

/// A place in the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Rank, from 0.
    pub rank: i32,
    /// Ranks in all.
    pub size: i32,
}

/// Where ranks meet: a TCPStore, served by one of them.
pub struct Store(NonNull<RawStore>);

// SAFETY: TCPStore locks around every request.
unsafe impl Send for Store {}

impl Store {
    /// Opens the store at `host`:`port`, which this process serves if `serves`. All its keys begin with `prefix`.
    ///
    /// # Errors
    /// When the port is taken, or nobody serves there in time.
    pub fn open(
        host: &str,
        port: u16,
        serves: bool,
        prefix: &str,
        timeout: Duration,
    ) -> Result<Store, Message> {
        let (host, prefix) = (c_string(host)?, c_string(prefix)?);
        let mut out = std::ptr::null_mut();
        // SAFETY: the strings outlive the call; `out` is written before null is returned.
        result(unsafe {
            vap_store_open(host.as_ptr(), port, serves.into(), prefix.as_ptr(), ms(timeout), &mut out)
        })?;
        NonNull::new(out).map(Store).ok_or_else(|| "no store was made".into())
    }

    /// Says "here" and waits for the others; the ranks that did not come in time.
    ///
    /// # Errors
    /// When the store is gone.
    pub fn roll_call(&self, tag: &str, seat: Seat, timeout: Duration) -> Result<Vec<usize>, Message> {
        let tag = c_string(tag)?;
        let mut present = vec![0u8; usize::try_from(seat.size).unwrap_or(0)];
        // SAFETY: the store is live, and `present` has a byte a rank.
        result(unsafe {
            vap_store_roll_call(
                self.0.as_ptr(),
                tag.as_ptr(),
                seat.rank,
                seat.size,
                ms(timeout),
                present.as_mut_ptr(),
            )
        })?;
        Ok((0..present.len()).filter(|rank| present[*rank] == 0).collect())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: made by `open`, closed once.
        unsafe { vap_store_close(self.0.as_ptr()) }
    }
}

/// A connected group.
pub struct Group(NonNull<RawGroup>);

// SAFETY: a group may be used from any one thread at a time.
unsafe impl Send for Group {}

impl Group {
    /// Connects: Gloo without a CUDA device, else NCCL. Connecting may take `join`, each later call `timeout`.
    ///
    /// # Errors
    /// When peers cannot be reached.
    pub fn connect(
        store: &Store,
        seat: Seat,
        cuda: Option<usize>,
        join: Duration,
        timeout: Duration,
    ) -> Result<Group, Message> {
        let device = cuda.map_or(-1, |index| index as i64);
        let mut out = std::ptr::null_mut();
        // SAFETY: the store is live; `out` is written before null is returned.
        result(unsafe {
            vap_group_create(store.0.as_ptr(), seat.rank, seat.size, device, ms(join), ms(timeout), &mut out)
        })?;
        NonNull::new(out).map(Group).ok_or_else(|| "no group was made".into())
    }

    /// Sums a contiguous tensor over all ranks, in place.
    ///
    /// # Errors
    /// When a peer is gone or late.
    pub fn all_reduce(&self, tensor: &mut Tensor) -> Result<(), Message> {
        // SAFETY: group and tensor are live; the call returns when the sum is in place.
        result(unsafe { vap_group_all_reduce(self.0.as_ptr(), tensor.as_mut_ptr()) })
    }

    /// Overwrites a contiguous tensor with that of rank `root`.
    ///
    /// # Errors
    /// When a peer is gone or late.
    pub fn broadcast(&self, tensor: &mut Tensor, root: i32) -> Result<(), Message> {
        // SAFETY: as above.
        result(unsafe { vap_group_broadcast(self.0.as_ptr(), tensor.as_mut_ptr(), root) })
    }

    /// Returns when all ranks have called it.
    ///
    /// # Errors
    /// When a peer is gone or late.
    pub fn barrier(&self) -> Result<(), Message> {
        // SAFETY: the group is live.
        result(unsafe { vap_group_barrier(self.0.as_ptr()) })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: made by `connect`, destroyed once.
        unsafe { vap_group_destroy(self.0.as_ptr()) }
    }
}
