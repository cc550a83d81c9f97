//! Empty: Burn never computes on libtorch here.
