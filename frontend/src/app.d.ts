/** Made by `cargo xtask` from the crate `verifier-wasm` (wasm-bindgen, target web). */
declare module '$lib/wasm/verifier.js' {
	/** Instantiates the module from the given bytes. */
	export default function init(input: { module_or_path: BufferSource }): Promise<unknown>;
	/**
	 * Fetches the evidence and checks it; resolves to the report as JSON. `fetchFile` rejects with an Error whose name is
	 * `NotFound` where there is no such file.
	 */
	export function audit(
		fetchFile: (path: string, limit: number) => Promise<Uint8Array>,
		optionsJson: string,
		onProgress: (json: string) => void
	): Promise<string>;
}

declare module '$lib/wasm/verifier_bg.wasm?url' {
	const url: string;
	export default url;
}
