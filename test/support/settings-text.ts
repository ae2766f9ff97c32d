/** A sandbox' settings as the inside of a flow mapping in routes.yaml: `base_url: "…", token: "…"`. */
export function settingsText(settings: Record<string, string>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}: "${value}"`)
    .join(", ");
}
