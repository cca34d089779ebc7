import { sha256Hex } from './hex';

/**
 * What this browser has counted before, so that a verification that was stopped goes on where it was. A task and the
 * evidence it is about determine what comes out, so the result is found again by the hash of the task.
 *
 * Trusted: whoever can change this browser's storage for this site can make it believe a count.
 */
export interface CountedStore {
	get(task: string): Promise<string | null>;
	put(task: string, counted: string): Promise<void>;
}

const DATABASE = 'provenhash.counted';
const COUNTED = 'counted';
const ABOUT = 'about';
const AGE = 'age';

/** Characters kept, the oldest go first. A result is at most some 100 kB: this holds days of exact verification. */
const MOST_CHARS = 64_000_000;

interface Kept {
	counted: string;
	chars: number;
	at_ms: number;
}

/**
 * The counts made with this verifier for this log.
 *
 * @param about the verifier's hash and the log's keys; whatever was kept for others is deleted
 */
export async function openCounted(about: string, mostChars = MOST_CHARS): Promise<CountedStore> {
	const database = await open();
	const transaction = database.transaction([COUNTED, ABOUT], 'readwrite');
	const kept = await answer(transaction.objectStore(ABOUT).get(ABOUT));
	if (kept !== about) {
		transaction.objectStore(COUNTED).clear();
		transaction.objectStore(ABOUT).put(about, ABOUT);
	}
	await committed(transaction);
	return new IndexedCounted(database, mostChars, await charsIn(database));
}

/** Deletes every count, so that the next verification starts from nothing. */
export async function forgetCounted(): Promise<void> {
	const database = await open();
	const transaction = database.transaction(COUNTED, 'readwrite');
	transaction.objectStore(COUNTED).clear();
	await committed(transaction);
	database.close();
}

class IndexedCounted implements CountedStore {
	constructor(
		private database: IDBDatabase,
		private mostChars: number,
		private chars: number
	) {}

	async get(task: string): Promise<string | null> {
		const key = await sha256Hex(task);
		const kept: Kept | undefined = await answer(this.database.transaction(COUNTED).objectStore(COUNTED).get(key));
		return kept?.counted ?? null;
	}

	async put(task: string, counted: string): Promise<void> {
		const key = await sha256Hex(task);
		const kept: Kept = { counted, chars: counted.length, at_ms: Date.now() };
		const transaction = this.database.transaction(COUNTED, 'readwrite');
		const store = transaction.objectStore(COUNTED);
		store.put(kept, key);
		this.chars += kept.chars;
		if (this.chars > this.mostChars) await this.#dropOldest(store);
		await committed(transaction);
	}

	/** Drops until half is free, so that not every further count has to drop one. */
	async #dropOldest(store: IDBObjectStore): Promise<void> {
		await eachKept(store, (chars, key) => {
			if (this.chars <= this.mostChars / 2) return false;
			store.delete(key);
			this.chars -= chars;
			return true;
		});
	}
}

function open(): Promise<IDBDatabase> {
	const request = indexedDB.open(DATABASE, 1);
	request.onupgradeneeded = () => {
		request.result.createObjectStore(ABOUT);
		request.result.createObjectStore(COUNTED).createIndex(AGE, ['at_ms', 'chars']);
	};
	return answer(request);
}

async function charsIn(database: IDBDatabase): Promise<number> {
	let all = 0;
	await eachKept(database.transaction(COUNTED).objectStore(COUNTED), (chars) => {
		all += chars;
		return true;
	});
	return all;
}

/** Goes through what is kept from the oldest on, without reading the counts, until `visit` says false. */
function eachKept(store: IDBObjectStore, visit: (chars: number, key: IDBValidKey) => boolean): Promise<void> {
	return new Promise((resolve, reject) => {
		const request = store.index(AGE).openKeyCursor();
		request.onerror = () => reject(request.error);
		request.onsuccess = () => {
			const cursor = request.result;
			if (cursor === null) return resolve();
			const [, chars] = cursor.key as [number, number];
			if (visit(chars, cursor.primaryKey)) cursor.continue();
			else resolve();
		};
	});
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}

function committed(transaction: IDBTransaction): Promise<void> {
	return new Promise((resolve, reject) => {
		transaction.oncomplete = () => resolve();
		transaction.onabort = transaction.onerror = () => reject(transaction.error);
	});
}
