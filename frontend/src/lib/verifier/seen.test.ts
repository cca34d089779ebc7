import { beforeEach, expect, it, vi } from 'vitest';
import type { Report } from './report';
import { rememberLog, seenLog } from './seen';

const KEY = 'log.example/one+00000000+AQ==';
const OTHER = 'log.example/one+11111111+AQ==';
const held = { held: true, origin: 'log.example/one', tree_size: 120, root: 'aa' } as Report;

beforeEach(() => {
	const kept = new Map<string, string>();
	vi.stubGlobal('localStorage', {
		getItem: (key: string) => kept.get(key) ?? null,
		setItem: (key: string, value: string) => kept.set(key, value)
	});
});

it('a log that held is remembered', () => {
	rememberLog([KEY], held, 'note');
	expect(seenLog([KEY])).toMatchObject({ origin: 'log.example/one', size: 120, root: 'aa', checkpoint: 'note' });
});

it('a log that failed does not replace the one that held', () => {
	rememberLog([KEY], held, 'note');
	rememberLog([KEY], { ...held, held: false, tree_size: 60 }, 'other');
	expect(seenLog([KEY])?.size).toBe(120);
});

it('another key is another log', () => {
	rememberLog([KEY], held, 'note');
	expect(seenLog([OTHER])).toBeNull();
});

it('a log of another origin is not remembered under this key', () => {
	rememberLog([KEY], { ...held, origin: 'log.example/two' }, 'note');
	expect(seenLog([KEY])).toBeNull();
});
