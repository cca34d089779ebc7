export interface FieldError {
	field: string;
	detail: string;
}

/** What the server (RFC 9457) or the way to it said instead of an answer. The message is fit for people. */
export class Problem extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		detail: string,
		readonly errors: FieldError[] = []
	) {
		super(detail);
		this.name = 'Problem';
	}

	static unreachable(): Problem {
		return new Problem(0, 'unreachable', 'The server can’t be reached. Check your connection, then try again.');
	}

	/** What is wrong with one field of a form, if anything. */
	of(field: string): string | undefined {
		return this.errors.find((error) => error.field === field)?.detail;
	}
}

/** Reads a problem document; a body that is none still becomes a sentence. */
export function problemOf(status: number, body: unknown): Problem {
	const document = isRecord(body) ? body : {};
	const detail = text(document.detail) ?? text(document.title) ?? `The server answered with status ${status}. Try again in a moment.`;
	const errors = Array.isArray(document.errors) ? document.errors.filter(isFieldError) : [];
	return new Problem(status, text(document.code) ?? 'unknown', sentence(detail), errors.map(({ field, detail }) => ({ field, detail: sentence(detail) })));
}

/** Anything thrown, as a problem. */
export function toProblem(thrown: unknown): Problem {
	if (thrown instanceof Problem) return thrown;
	return new Problem(0, 'unexpected', thrown instanceof Error ? thrown.message : String(thrown));
}

/** The server's texts are clauses; here they stand alone. */
function sentence(clause: string): string {
	const text = clause.charAt(0).toUpperCase() + clause.slice(1);
	return /[.!?…]$/.test(text) ? text : `${text}.`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null;
}

function isFieldError(value: unknown): value is FieldError {
	return isRecord(value) && typeof value.field === 'string' && typeof value.detail === 'string';
}

function text(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}
