/** What a person has chosen in a picture. */
export type Selection =
  | { readonly what: "node"; readonly node: number }
  | { readonly what: "message"; readonly id: number }
  | { readonly what: "moment"; readonly at: number; readonly node: number | null }
  | { readonly what: "link"; readonly from: number; readonly to: number };
