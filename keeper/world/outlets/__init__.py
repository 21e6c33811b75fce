"""The ways to the outside, one file each: what stands behind the Outlet port."""
