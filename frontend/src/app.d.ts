/** Made by `cargo xtask` from the crate `verifier-wasm` (wasm-bindgen, target web). */
declare module '$lib/wasm/verifier.js' {
	/** Instantiates the compiled module; everything else may be called from then on. */
	export function initSync(input: { module: WebAssembly.Module }): unknown;

	/** What the verifier asks of the page. Fetching rejects with an Error whose name is `NotFound` where there is no such file. */
	export interface Host {
		fetch(path: string, limit: number): Promise<Uint8Array>;
		fetchRange(path: string, start: number, length: number): Promise<Uint8Array>;
	}

	/** What the audit asks besides: who counts the shares, how many tasks are worth having under way, who hears of it. */
	export interface AuditHost extends Host {
		lanes: number;
		count(taskJson: string): Promise<string>;
		progress(json: string): void;
	}

	/** Fetches the evidence and checks it; resolves to the report as JSON. */
	export function audit(host: AuditHost, optionsJson: string): Promise<string>;

	/** Why a policy can't be used; nothing when it can. */
	export function policyProblem(text: string): string | undefined;

	/** Does one task of an audit; resolves to what was counted, as JSON. */
	export function count(host: Host, taskJson: string): Promise<string>;
}

declare module '$lib/wasm/verifier_bg.wasm?url' {
	const url: string;
	export default url;
}

declare module '$lib/wasm/verifier_scalar_bg.wasm?url' {
	const url: string;
	export default url;
}
