import { hash } from 'node:crypto';

/** A user as the platform keeps it. `remoteId` is null for users that were made by hand there. */
export type SparkwiseUser = {
  readonly id: string;
  firstName: string;
  lastName: string;
  active: boolean;
  readonly remoteId: string | null;
  email?: string;
};

/** A user to begin with; the id (64 hex digits) is made where none is given, `active` is true by default. */
export type SparkwiseUserSeed = {
  readonly id?: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly active?: boolean;
  readonly remoteId?: string | null;
  readonly email?: string;
};

/** A session cluster. `createdAt` (ISO 8601) is what `from` and `to` bound; it is not in the answer. */
export type SparkwiseCluster = {
  readonly createdAt: string;
  readonly clusterId: string;
  readonly moduleId: string;
  readonly moduleName: string;
  readonly moduleCategory: string;
  readonly moduleThumbnailUrl: string;
  readonly moduleDescription: string;
  readonly duration: number;
  /** Present when self-registration is on. */
  readonly iframeCode?: string;
};

/** One person's attendance of one session, as it is answered. Times are ISO 8601. */
export type SparkwiseCompletion = {
  readonly id: string;
  readonly remoteUserId: string | null;
  readonly clusterId: string;
  readonly moduleId: string;
  readonly moduleName: string;
  readonly moduleCategory: string;
  readonly moduleThumbnailUrl: string;
  readonly moduleDescription: string;
  readonly duration: number;
  readonly attended: boolean;
  readonly sessionScheduledStartAt: string;
  readonly sessionScheduledEndAt: string;
  readonly participantFirstVisitedAt: string | null;
  readonly participantLastVisitedAt: string | null;
  readonly timeInSessionMins: number;
  readonly stepsVisited: number;
  readonly totalSteps: number;
  readonly percentageStepsVisited: number;
  readonly hash: string;
};

/** What can be said of one attendance; the rest is filled in. */
export type SparkwiseAttendance = {
  readonly id?: string;
  readonly clusterId?: string;
  readonly sessionScheduledStartAt?: string;
  readonly attended?: boolean;
  readonly percentageStepsVisited?: number;
};

/** Users, clusters and completions in memory: tests look at it and change it behind the client's back. */
export class SparkwiseState {
  /** In order of creation, which is the order of the pages. */
  readonly users: SparkwiseUser[] = [];
  readonly byRemoteId = new Map<string, SparkwiseUser>();
  readonly clusters: SparkwiseCluster[] = [];
  /** remoteIds that every batch reports as "This user cannot be processed". */
  readonly unprocessable = new Set<string>();
  /** remoteIds that a batch silently leaves out of both of its lists, and does not apply. */
  readonly omitted = new Set<string>();
  #completions: SparkwiseCompletion[] = [];
  #completionsSorted = true;
  #made = 0;

  /** Adds a user as if somebody had made it on the platform. Throws on a remoteId that is taken. */
  add(seed: SparkwiseUserSeed): SparkwiseUser {
    const remoteId = seed.remoteId ?? null;
    if (remoteId !== null && this.byRemoteId.has(remoteId)) throw new Error(`remoteId taken: ${remoteId}`);
    const user: SparkwiseUser = {
      id: seed.id ?? hash('sha256', `sparkwise user ${this.#made++}`),
      firstName: seed.firstName,
      lastName: seed.lastName,
      active: seed.active ?? true,
      remoteId,
    };
    if (seed.email !== undefined) user.email = seed.email;
    this.users.push(user);
    if (remoteId !== null) this.byRemoteId.set(remoteId, user);
    return user;
  }

  /** Removes a user as if somebody had deleted it on the platform. */
  remove(remoteId: string): void {
    const user = this.byRemoteId.get(remoteId);
    if (user === undefined) throw new Error(`no such remoteId: ${remoteId}`);
    this.byRemoteId.delete(remoteId);
    this.users.splice(this.users.indexOf(user), 1);
  }

  /** All completions, ordered by the session's scheduled start. */
  get completions(): readonly SparkwiseCompletion[] {
    if (!this.#completionsSorted) {
      this.#completions.sort((a, b) => startMs(a) - startMs(b));
      this.#completionsSorted = true;
    }
    return this.#completions;
  }

  /** Records a completion; one of the same id is replaced. */
  record(completion: SparkwiseCompletion): void {
    const known = this.#completions.findIndex((other) => other.id === completion.id);
    if (known >= 0) this.#completions.splice(known, 1);
    this.#completions.push(completion);
    this.#completionsSorted = false;
  }

  /** Adds completions whose ids are known to be new, without a look-up for each. */
  recordAll(completions: Iterable<SparkwiseCompletion>): void {
    for (const completion of completions) this.#completions.push(completion);
    this.#completionsSorted = false;
  }

  /** Lets a person attend a session (by default in full) and returns the completion. */
  complete(remoteId: string, attendance: SparkwiseAttendance = {}): SparkwiseCompletion {
    const start = attendance.sessionScheduledStartAt ?? '2026-03-02T10:00:00.000Z';
    const attended = attendance.attended ?? true;
    const percentage = attendance.percentageStepsVisited ?? (attended ? 100 : 0);
    const clusterId = attendance.clusterId ?? this.clusters[0]?.clusterId ?? 'cluster-1';
    const cluster = this.clusters.find((one) => one.clusterId === clusterId);
    const id = attendance.id ?? `${clusterId}-${remoteId}`;
    const completion: SparkwiseCompletion = {
      id,
      remoteUserId: remoteId,
      clusterId,
      moduleId: cluster?.moduleId ?? 'module-1',
      moduleName: cluster?.moduleName ?? 'Spotting phishing together',
      moduleCategory: cluster?.moduleCategory ?? 'Security',
      moduleThumbnailUrl: cluster?.moduleThumbnailUrl ?? 'https://example.com/module-1.png',
      moduleDescription: cluster?.moduleDescription ?? 'A live session about phishing',
      duration: cluster?.duration ?? 45,
      attended,
      sessionScheduledStartAt: start,
      sessionScheduledEndAt: new Date(Date.parse(start) + 45 * 60_000).toISOString(),
      participantFirstVisitedAt: attended ? start : null,
      participantLastVisitedAt: attended ? start : null,
      timeInSessionMins: attended ? 45 : 0,
      stepsVisited: Math.round(percentage / 10),
      totalSteps: 10,
      percentageStepsVisited: percentage,
      hash: hash('sha256', `${id} ${percentage}`),
    };
    this.record(completion);
    return completion;
  }
}

function startMs(completion: SparkwiseCompletion): number {
  return Date.parse(completion.sessionScheduledStartAt);
}

/** The index of the first completion whose session starts at `timeMs` (epoch ms) or later. */
export function firstAtOrAfter(completions: readonly SparkwiseCompletion[], timeMs: number): number {
  let low = 0;
  let high = completions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const completion = completions[middle];
    if (completion !== undefined && startMs(completion) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
