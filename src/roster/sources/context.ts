/** What a delivery needs besides the configuration. */
export type DeliveryContext = {
  /** The folder for what is fetched (`inboxOf`). */
  readonly inbox: string;
  readonly signal?: AbortSignal | undefined;
  /** First back-off in ms. Default 1,000. */
  readonly retryBaseMs?: number | undefined;
  /** Between two looks at a delivery of which no length is announced, in ms. Default 5,000. */
  readonly settleMs?: number | undefined;
};
