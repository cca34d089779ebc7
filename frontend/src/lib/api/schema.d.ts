/** The shape of the server's OpenAPI document; written by `npm run api`. */
export interface paths {
	'/api/v1/accounts': { post: { requestBody: Json<components['schemas']['Credentials']>; responses: Made<components['schemas']['Account']> } };
	'/api/v1/sessions': { post: { requestBody: Json<components['schemas']['Credentials']>; responses: Made<components['schemas']['LoginSession']> } };
	'/api/v1/sessions/current': { delete: { responses: { 204: { content?: never } } & Failed } };
	'/api/v1/account': { get: { responses: Ok<components['schemas']['Account']> } };
	'/api/v1/offers': { get: { parameters: Paged; responses: Ok<Page<components['schemas']['Offer']>> } };
	'/api/v1/offers/{id}': { get: { parameters: ById; responses: Ok<components['schemas']['Offer']> } };
	'/api/v1/contracts': {
		get: { parameters: Paged; responses: Ok<Page<components['schemas']['Contract']>> };
		post: {
			parameters: { header: { 'Idempotency-Key': string } };
			requestBody: Json<components['schemas']['NewContract']>;
			responses: Made<components['schemas']['Contract']>;
		};
	};
	'/api/v1/contracts/{id}': { get: { parameters: ById; responses: Ok<components['schemas']['Contract']> } };
	'/api/v1/contracts/{id}/epochs': { get: { parameters: ById & Paged; responses: Ok<Page<components['schemas']['ContractEpoch']>> } };
	'/api/v1/contracts/{id}/credits': { get: { parameters: ById & Paged; responses: Ok<Page<components['schemas']['Credit']>> } };
	'/api/v1/status': { get: { responses: Ok<components['schemas']['Status']> } };
}

export interface components {
	schemas: {
		Credentials: { email: string; password: string };
		Account: { id: string; email: string; created_ms: number };
		LoginSession: { token: string; expires_ms: number };
		Offer: {
			id: string;
			name: string;
			price_sats_per_ths_day: number;
			min_units_hs: string;
			max_units_hs: string;
			step_units_hs: string;
			capacity_hs: string;
			available_hs: string;
			term_ms: number;
			terms_index: number;
			created_ms: number;
		};
		NewContract: { offer_id: string; units_hs: string; payout_address: string; nonce: string };
		Contract: {
			id: string;
			offer_id: string;
			status: 'reserved' | 'active' | 'fulfilled' | 'cancelled';
			units_hs: string;
			price_sats: number;
			payment_reference: string;
			payout_address: string;
			term_ms: number;
			terms_index: number;
			created_ms: number;
			reserved_until_ms: number;
			from_ms?: number | null;
			until_ms?: number | null;
			contract_id?: string | null;
			leaf_index?: number | null;
			receipt?: components['schemas']['Receipt'] | null;
			credited_sats: number;
			work: string;
			promised_work: string;
		};
		Receipt: { uuid: string; nonce: string; details: string };
		ContractEpoch: { epoch: number; units_hs: string; work: string };
		Credit: { settlement: number; credit_sats: number };
		Status: {
			network: string;
			origin: string;
			log_vkey: string;
			tree_size: number;
			epoch?: number | null;
			epoch_started_ms?: number | null;
			chain?: { height: number; hash: string } | null;
			sessions: number;
			shares_total: number;
			work_total: string;
			hashrate_hs: string;
			blocks: { found: number; matured: number; orphaned: number };
			settlements: number;
			verifier_wasm_sha256?: string | null;
		};
		Problem: {
			type: string;
			title: string;
			status: number;
			code: string;
			detail: string;
			errors?: { field: string; detail: string }[];
		};
	};
}

type Json<T> = { content: { 'application/json': T } };
type Page<T> = { items: T[]; next_cursor?: string | null };
type Failed = { default: { content: { 'application/problem+json': components['schemas']['Problem'] } } };
type Ok<T> = { 200: Json<T> } & Failed;
type Made<T> = { 201: Json<T> } & Failed;
type ById = { path: { id: string } };
type Paged = { query?: { limit?: number; cursor?: string } };
