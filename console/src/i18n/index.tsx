import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { en, type Key } from './en';
import { zh } from './zh';

export type { Key } from './en';
export type Language = 'en' | 'zh';
export type Parameters = Record<string, string | number>;
export type Translate = (key: Key, parameters?: Parameters) => string;

const dictionaries: Record<Language, Record<Key, string>> = { en, zh };
const stored = 'headrace.language';

/** `{n} job|{n} jobs`: the first form for one, the second for all else. */
export function translate(language: Language, key: Key, parameters: Parameters = {}): string {
    const forms = dictionaries[language][key].split('|');
    const form = (parameters['n'] === 1 ? forms[0] : forms[forms.length - 1]) ?? key;
    return form.replace(/\{(\w+)\}/g, (_all, name: string) => String(parameters[name] ?? ''));
}

interface Words {
    language: Language;
    setLanguage: (language: Language) => void;
    t: Translate;
}

const Context = createContext<Words>({
    language: 'en', setLanguage: () => undefined, t: (key, parameters) => translate('en', key, parameters),
});

function firstLanguage(): Language {
    const kept = localStorage.getItem(stored);
    if (kept === 'en' || kept === 'zh') return kept;
    return navigator.language.startsWith('zh') ? 'zh' : 'en';
}

export function LanguageProvider({ children }: { children: ReactNode }) {
    const [language, choose] = useState<Language>(firstLanguage);
    useEffect(() => { document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'; }, [language]);
    const setLanguage = useCallback((next: Language) => {
        localStorage.setItem(stored, next);
        choose(next);
    }, []);
    const value = useMemo<Words>(() => ({
        language, setLanguage, t: (key, parameters) => translate(language, key, parameters),
    }), [language, setLanguage]);
    return <Context.Provider value={value}>{children}</Context.Provider>;
}

export const useWords = () => useContext(Context);
export const useT = (): Translate => useContext(Context).t;
