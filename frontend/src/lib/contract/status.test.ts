import { expect, it } from 'vitest';
import { statusMeaning, statusText } from './status';

it('a status that this page does not know is shown as it is', () => expect(statusText('made_good')).toBe('Made good'));

it('a suspension is explained', () => expect(statusMeaning('suspended')).toContain('public log'));
