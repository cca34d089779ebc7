import { expect, it } from 'vitest';
import { formatMonth, monthsBetween } from './months';

const at = (text: string) => Date.parse(text);

it('months go from the newest to the first, over the year', () =>
	expect(monthsBetween(at('2025-11-30T23:59:59Z'), at('2026-02-01T00:00:00Z'))).toEqual(['2026-02', '2026-01', '2025-12', '2025-11']));

it('a moment has its month', () => expect(monthsBetween(at('2026-11-21T00:00:00Z'), at('2026-11-21T00:00:00Z'))).toEqual(['2026-11']));

it('a clock that is behind gives one month and no error', () =>
	expect(monthsBetween(at('2026-11-21T00:00:00Z'), at('2026-10-01T00:00:00Z'))).toEqual(['2026-10']));

it('a month is said in words', () => expect(formatMonth('2026-11')).toBe('November 2026'));
