/** Two languages, Chinese first. The page is rendered in one of them; `<html lang>` says which. */
export type Language = 'zh' | 'en';

export function pageLanguage(): Language {
  return typeof document !== 'undefined' && document.documentElement.lang.startsWith('en') ? 'en' : 'zh';
}

/** The text in the language of the page. */
export function t(zh: string, en: string): string {
  return pageLanguage() === 'en' ? en : zh;
}

/** A name in the language of the page; the Chinese name when nobody has given an English one. */
export function named(item: { name_zh: string; name_en?: string | null }): string {
  return pageLanguage() === 'en' && item.name_en ? item.name_en : item.name_zh;
}
