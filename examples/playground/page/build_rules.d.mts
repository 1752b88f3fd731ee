export interface BuiltRule {
  title: string;
  section: string;
  text: string;
}
export function rulesOf(source: string): Record<string, BuiltRule>;
