//! Fuzzing targets: one program for each property of the package `properties`, which is where they are explained.

/// The program that searches for bytes that break the property of this target.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            static PROPERTY: std::sync::LazyLock<properties::Property> =
                std::sync::LazyLock::new(|| properties::property($name));
            PROPERTY(bytes)
        });
    };
}
