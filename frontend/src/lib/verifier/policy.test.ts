import { expect, it } from 'vitest';
import { policyFacts, quorumWords } from './policy';

const POLICY = `# trust
log pool.example+1a2b3c4d+AbCd https://pool.example
#chain 840000 ${'0'.repeat(64)}
witness w1 w1.example+00+x
witness w2 w2.example+00+x https://w2.example
witness w3 w3.example+00+x
group two 2 w2 w3
group g any w1 two
quorum g
`;

it('a policy names its log key, witnesses, quorum and where the chain starts', () =>
	expect(policyFacts(POLICY)).toEqual({
		logKeys: ['pool.example+1a2b3c4d+AbCd'],
		witnesses: ['w1', 'w2', 'w3'],
		groups: [
			{ name: 'two', threshold: '2', members: ['w2', 'w3'] },
			{ name: 'g', threshold: 'any', members: ['w1', 'two'] }
		],
		quorum: 'g',
		chainStart: { height: '840000', hash: '0'.repeat(64) }
	}));

it('comments and unknown lines are not keys', () =>
	expect(policyFacts('# log not+a+key\nlogs a+b+c\nquorum none\n')).toEqual({
		logKeys: [],
		witnesses: [],
		groups: [],
		quorum: null,
		chainStart: null
	}));

it.each([
	['none', null],
	['w1', 'w1'],
	['g', 'at least 1 of w1, all of (w2, w3)']
])('quorum %s in words: %s', (quorum, words) =>
	expect(quorumWords(policyFacts(POLICY.replace(/^quorum .*$/m, `quorum ${quorum}`)))).toBe(words)
);

it('a group that contains itself ends', () =>
	expect(quorumWords(policyFacts('group g 2 g a b\nquorum g\n'))).toBe('at least 2 of g, a, b'));
