import { describe, expect, test } from 'vitest';
import type { JobRecord } from '../../../core/job/record.ts';
import { viewOf } from '../../../core/job/view.ts';
import type { JobFilter } from '../../../core/ports.ts';
import { eventually, newRecord, opened, type Subject, unique } from './subject.ts';

/** The guarantees of JobStore. */
export function jobStoreConformance(subject: Subject): void {
  describe(`${subject.name}: JobStore`, () => {
    const open = opened(subject);
    const jobs = () => open().platform.jobs;

    async function inserted(changes: Partial<JobRecord> = {}): Promise<JobRecord> {
      const record = newRecord(changes);
      expect(await jobs().insert(record)).toEqual({ inserted: true });
      return record;
    }

    async function listed(filter: JobFilter, limit = 100): Promise<string[]> {
      const found: string[] = [];
      let token: string | null = null;
      do {
        const page = await jobs().list(filter, limit, token);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        found.push(...page.items);
        token = page.next;
      } while (token !== null);
      return found.map((summary) => JSON.parse(summary).job_id);
    }

    test('get gives the record that was inserted, to every client at once', async () => {
      const record = await inserted({
        labels: JSON.parse('{"__proto__":"a","clé":"\\"quoted\\" \\ud83d\\udcbf"}'),
      });
      expect(await jobs().get(record.job_id)).toEqual(record);
      expect(await open().other.jobs.get(record.job_id)).toEqual(record);
    });

    test('get of an unknown job gives null', async () => {
      expect(await jobs().get(unique('job'))).toBeNull();
    });

    test('insert never overwrites and gives the job that is there', async () => {
      const first = await inserted();
      const second = newRecord({ job_id: first.job_id, priority: 9 });
      expect(await jobs().insert(second)).toEqual({ inserted: false, existing: first });
      expect(await open().other.jobs.insert(second)).toEqual({ inserted: false, existing: first });
      expect(await jobs().get(first.job_id)).toEqual(first);
    });

    test('of inserts of one id at the same time exactly one wins', async () => {
      const job_id = unique('job');
      const records = Array.from({ length: 20 }, () => newRecord({ job_id }));
      const clients = [jobs(), open().other.jobs];
      const outcomes = await Promise.all(
        records.map((record, n) => (clients[n % 2] ?? jobs()).insert(record)),
      );
      const winners = records.filter((_, n) => outcomes[n]?.inserted);
      expect(winners).toHaveLength(1);
      const stored = winners[0];
      for (const outcome of outcomes) if (!outcome.inserted) expect(outcome.existing).toEqual(stored);
    });

    test('replace changes a job of the expected version', async () => {
      const record = await inserted();
      const next: JobRecord = { ...record, version: 2, status: 'Failed', due_at: null, completed_at: 5 };
      expect(await jobs().replace(next, 1)).toEqual({ replaced: true });
      expect(await open().other.jobs.get(record.job_id)).toEqual(next);
    });

    test('replace of another version changes nothing and gives what is stored', async () => {
      const record = await inserted({ version: 7 });
      const next: JobRecord = { ...record, version: 9, status: 'Running' };
      expect(await jobs().replace(next, 8)).toEqual({ replaced: false, current: record });
      expect(await jobs().get(record.job_id)).toEqual(record);
    });

    test('replace of an unknown job stores nothing', async () => {
      const record = newRecord({ version: 2 });
      expect(await jobs().replace(record, 1)).toEqual({ replaced: false, current: null });
      expect(await jobs().get(record.job_id)).toBeNull();
    });

    test('swaps at the same time: each version is taken once and none is lost', async () => {
      const { job_id } = await inserted({ failures: 0 });
      const increment = async (n: number) => {
        const store = n % 2 === 0 ? jobs() : open().other.jobs;
        for (;;) {
          const record = await store.get(job_id);
          if (record === null) throw new Error('the job is gone');
          const next = { ...record, version: record.version + 1, failures: record.failures + 1 };
          if ((await store.replace(next, record.version)).replaced) return;
        }
      };
      await Promise.all(Array.from({ length: 10 }, (_, n) => increment(n)));
      expect(await jobs().get(job_id)).toMatchObject({ version: 11, failures: 10 });
    });

    test('remove takes a job of that version only', async () => {
      const record = await inserted({ version: 3, labels: { tier: unique('tier') } });
      expect(await jobs().remove(record.job_id, 2)).toBe(false);
      expect(await jobs().get(record.job_id)).toEqual(record);
      expect(await jobs().remove(record.job_id, 3)).toBe(true);
      expect(await jobs().get(record.job_id)).toBeNull();
      expect(await jobs().remove(record.job_id, 3)).toBe(false);
      const [key, value] = Object.entries(record.labels)[0] ?? ['', ''];
      await eventually(subject, async () => expect(await listed({ label: { key, value } })).toEqual([]));
    });

    test('a removed id may be used again', async () => {
      const record = await inserted({ labels: { again: 'yes' } });
      await jobs().remove(record.job_id, 1);
      expect(await jobs().insert(record)).toEqual({ inserted: true });
    });

    test('list gives the summaries of the jobs as they are now', async () => {
      const namespace = unique('ns');
      const record = await inserted({ namespace });
      const next: JobRecord = {
        ...record,
        version: 2,
        progress: { percent: 5, phase: 'read', message: 'm' },
      };
      await jobs().replace(next, 1);
      await eventually(subject, async () => {
        const { items } = await jobs().list({ namespace }, 10, null);
        expect(items.map((item) => JSON.parse(item))).toEqual([viewOf(next)]);
      });
    });

    test('list is newest first, then by job_id downwards, and its pages meet without gap or double', async () => {
      const namespace = unique('ns');
      const records = await Promise.all(
        Array.from({ length: 25 }, (_, n) => inserted({ namespace, submitted_at: 1000 + Math.floor(n / 4) })),
      );
      const expected = records
        .toSorted((a, b) => b.submitted_at - a.submitted_at || (a.job_id < b.job_id ? 1 : -1))
        .map((record) => record.job_id);
      await eventually(subject, async () => {
        for (const limit of [1, 7, 25, 100]) expect(await listed({ namespace }, limit)).toEqual(expected);
      });
    });

    test('each filter of list, alone and with the others, gives the jobs that fit', async () => {
      const [namespace, other, tier] = [unique('ns'), unique('ns'), unique('tier')];
      const shapes: Partial<JobRecord>[] = [
        { namespace, status: 'Pending', labels: { tier } },
        { namespace, status: 'Running', labels: { tier, rack: '1' } },
        { namespace, status: 'Completed', due_at: null },
        { namespace, status: 'Completed', operation: 'guestkit.inspect', labels: { tier } },
        { namespace: other, status: 'Running', labels: { tier: `${tier}x` } },
      ];
      const records: JobRecord[] = [];
      for (const [n, shape] of shapes.entries()) {
        records.push(await inserted({ ...shape, submitted_at: 2000 + n }));
      }
      const label = { key: 'tier', value: tier };
      const cases: [JobFilter, number[]][] = [
        [{ namespace }, [3, 2, 1, 0]],
        [{ namespace: other }, [4]],
        [{ namespace, status: 'Completed' }, [3, 2]],
        [{ namespace, status: 'Running' }, [1]],
        [{ namespace, operation: 'guestkit.inspect' }, [3]],
        [{ label }, [3, 1, 0]],
        [{ label, status: 'Running' }, [1]],
        [{ label, operation: 'system.echo', namespace }, [1, 0]],
        [{ label, namespace: other }, []],
        [{ namespace, submittedAfter: 2001 }, [3, 2, 1]],
        [{ namespace, submittedBefore: 2001 }, [0]],
        [{ namespace, submittedAfter: 2001, submittedBefore: 2003 }, [2, 1]],
        [{ namespace, status: 'Failed' }, []],
      ];
      await eventually(subject, async () => {
        for (const [filter, expected] of cases) {
          const ids = expected.map((n) => records[n]?.job_id);
          expect([filter, await listed(filter, 2)]).toEqual([filter, ids]);
        }
      });
    });

    test('a job moves between the statuses that list filters by', async () => {
      const namespace = unique('ns');
      const record = await inserted({ namespace });
      await jobs().replace({ ...record, version: 2, status: 'Running' }, 1);
      await eventually(subject, async () => {
        expect(await listed({ namespace, status: 'Pending' })).toEqual([]);
        expect(await listed({ namespace, status: 'Running' })).toEqual([record.job_id]);
      });
    });

    test('a page token that list did not give for this filter is refused', async () => {
      const namespace = unique('ns');
      for (let n = 0; n < 3; n++) await inserted({ namespace });
      const token = await eventually(subject, async () => {
        const { next } = await jobs().list({ namespace }, 1, null);
        if (next === null) throw new Error('the list has one page only');
        return next;
      });
      const changed = (token.startsWith('A') ? 'B' : 'A') + token.slice(1);
      for (const forged of ['', 'x', '{}', token.slice(0, -2), changed]) {
        await expect(jobs().list({ namespace }, 1, forged), forged).rejects.toMatchObject({
          code: 'VALIDATION_ERROR',
          field: 'page_token',
        });
      }
      await expect(jobs().list({ namespace: unique('ns') }, 1, token)).rejects.toMatchObject({
        field: 'page_token',
      });
    });

    test('due gives the jobs whose time has come, the most overdue first', async () => {
      const due = await Promise.all([300, 100, 200].map((due_at) => inserted({ due_at })));
      await inserted({ due_at: 301 });
      await inserted({ due_at: null, status: 'Completed' });
      const ours = new Set(due.map((record) => record.job_id));
      await eventually(subject, async () => {
        const found = await jobs().due(300, 1000);
        expect(found.every((record) => record.due_at !== null && record.due_at <= 300)).toBe(true);
        expect(found.filter((record) => ours.has(record.job_id))).toEqual([due[1], due[2], due[0]]);
        expect(await jobs().due(300, 1)).toHaveLength(1);
      });
    });

    test('a swap moves or ends the time a job is due', async () => {
      const [moved, ended] = [await inserted({ due_at: 10 }), await inserted({ due_at: 10 })];
      await jobs().replace({ ...moved, version: 2, due_at: 5000 }, 1);
      await jobs().replace({ ...ended, version: 2, due_at: null, status: 'Completed' }, 1);
      await eventually(subject, async () => {
        const early = (await jobs().due(4999, 1000)).map((record) => record.job_id);
        expect(early).not.toContain(moved.job_id);
        const late = (await jobs().due(5000, 1000)).map((record) => record.job_id);
        expect(late).toContain(moved.job_id);
        expect(late).not.toContain(ended.job_id);
      });
    });

    test('unfinished counts Pending, Assigned and Running jobs that are not held', async () => {
      const before = await jobs().unfinished();
      const pending = await inserted();
      const held = await inserted({ held: true });
      const running = await inserted({ status: 'Running' });
      await inserted({ status: 'Completed' });
      await eventually(subject, async () => expect(await jobs().unfinished()).toBe(before + 2));
      await jobs().replace({ ...held, version: 2, held: false }, 1);
      await jobs().replace({ ...running, version: 2, status: 'Failed' }, 1);
      await jobs().remove(pending.job_id, 1);
      await eventually(subject, async () => expect(await jobs().unfinished()).toBe(before + 1));
    });

    test('now is the time', () => {
      expect(Math.abs(jobs().now() - Date.now())).toBeLessThan(5000);
    });
  });
}
