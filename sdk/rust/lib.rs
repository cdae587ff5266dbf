// SPDX-License-Identifier: Apache-2.0
//! mk.rs as a crate, for guests that are built by Cargo.
#![no_std]

mod mk;
pub use mk::*;
