/** Made by `cargo xtask` from the crate `verifier-wasm` (wasm-bindgen, target web). */
declare module '$lib/wasm/verifier.js' {
	/** Instantiates the module from the given bytes. */
	export default function init(input: { module_or_path: BufferSource }): Promise<unknown>;
	/** What the verifier asks of its page. */
	export interface Host {
		/** Rejects with an Error whose name is `NotFound` where there is no such file. */
		fetch(path: string, limit: number): Promise<Uint8Array>;
		/** The bytes from `start` on: fewer than `length` only where the file ends. */
		fetchRange(path: string, start: number, length: number): Promise<Uint8Array>;
		/** What `count` gives for the task, from this or another instance of the module. */
		count(taskJson: string): Promise<string>;
		/** How many counts are worth having under way at once. */
		readonly lanes: number;
		progress(json: string): void;
	}
	/** Fetches the evidence and checks it; resolves to the report as JSON. */
	export function audit(host: Host, optionsJson: string): Promise<string>;
	/** Recounts the shares of one task; of the host only `fetch` and `fetchRange` are used. */
	export function count(host: Pick<Host, 'fetch' | 'fetchRange'>, taskJson: string): Promise<string>;
}

declare module '$lib/wasm/verifier_bg.wasm?url' {
	const url: string;
	export default url;
}
