import type { Json } from './search.ts';
import { type KeepnetCompany, type KeepnetGroup, type KeepnetSettings, Refusal } from './state.ts';

/** A request that passed sign-in and names its company. `body` is `{}` where there was none. */
export type KeepnetCall = {
  readonly company: KeepnetCompany;
  readonly settings: KeepnetSettings;
  readonly body: Json;
  readonly text: string;
  /** The `{…}` of the path. */
  readonly id: string;
};

/** What goes into the envelope. */
export type KeepnetReply = { readonly status: number; readonly data: unknown };

/** Reads an optional string of a body. @throws Refusal when it is no string or longer than `max` */
export function readText(body: Json, field: string, max = 1_000): string {
  const value = body[field];
  if (value === undefined) return '';
  if (typeof value !== 'string') throw new Refusal(400, 'VALIDATION_ERROR', `${field} must be a string`);
  if ([...value].length > max) {
    throw new Refusal(400, 'VALIDATION_ERROR', `${field} must not be longer than ${max}`);
  }
  return value;
}

/** Reads a string that may be null, which is the same as left out. */
export function readNullable(body: Json, field: string, max?: number): string | null {
  return body[field] === null || body[field] === undefined ? null : readText(body, field, max);
}

/** Reads a required string of a body. */
export function readRequired(body: Json, field: string, max?: number): string {
  const value = readText(body, field, max);
  if (value.trim() === '') throw new Refusal(400, 'VALIDATION_ERROR', `${field} is required`);
  return value;
}

/** Reads a list of ids. @throws Refusal when it is missing, holds anything else, or (unless `optional`) is empty */
export function readIds(body: Json, field: string, optional = false): readonly string[] {
  const value = body[field];
  if ((value === undefined || value === null) && optional) return [];
  if (!Array.isArray(value) || (value.length === 0 && !optional)) {
    throw new Refusal(400, 'VALIDATION_ERROR', `${field} is required`);
  }
  return value.map((id: unknown) => {
    if (typeof id !== 'string' || id === '') {
      throw new Refusal(400, 'VALIDATION_ERROR', `${field} must hold ids`);
    }
    return id;
  });
}

export function readFlag(body: Json, field: string, fallback: boolean): boolean {
  const value = body[field] ?? fallback;
  if (typeof value !== 'boolean') throw new Refusal(400, 'VALIDATION_ERROR', `${field} must be a boolean`);
  return value;
}

/** The group of that id. @throws Refusal 404 */
export function findGroup(company: KeepnetCompany, id: string): KeepnetGroup {
  const group = company.groups.get(id);
  if (group === undefined) throw new Refusal(404, 'NOT_FOUND', `target group ${id} not found`);
  return group;
}

/** Refuses to change a group that SCIM or Google owns. */
export function refuseOwned(group: KeepnetGroup): void {
  if (group.isScimGroup || group.isGoogleGroup || !group.isEditable) {
    throw new Refusal(400, 'GROUP_NOT_EDITABLE', `target group ${group.resourceId} is not editable`);
  }
}
