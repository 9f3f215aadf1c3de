"""What threads share: atomics; Rust's `std::sync`."""

__all__: list[str] = []
