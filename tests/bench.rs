//! The same figures in headless Chromium: `cargo test --profile web --target wasm32-unknown-unknown -p tests --bench
//! browser -- --nocapture`. The engine is compiled as the site's is, without what wasm-opt takes off afterwards.

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test::wasm_bindgen_test]
fn figures() {
    tests::bench::run(&[], &mut |line| wasm_bindgen_test::console_log!("{line}"));
}
