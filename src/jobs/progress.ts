/** What a run is doing, for whoever watches it. Counts, never people. */
export type Progress =
  | { readonly phase: 'roster'; readonly done: number; readonly total: number | null }
  | { readonly phase: 'accounts'; readonly done: number; readonly total: number | null }
  | { readonly phase: 'members'; readonly done: number; readonly total: number | null }
  | { readonly phase: 'plan'; readonly done: number; readonly total: number | null }
  | { readonly phase: 'apply'; readonly done: number; readonly total: number | null };

export type OnProgress = (progress: Progress) => void;
