/** What is wrong with a template, and at which character of it. */
export interface TemplateFinding {
  offset: number;
  message: string;
  hint?: string | undefined;
  severity?: "error" | "warning";
}
