import { SETTINGS, type Setting, type SettingName } from '../../config/settings.ts';

/** The settings that a command reads, as the end of its help text. */
export function settingsHelp(isRead: (name: SettingName) => boolean): string {
  const lines = (Object.entries(SETTINGS) as [SettingName, Setting][])
    .filter(([name]) => isRead(name))
    .map(([name, { description, fallback, unit }]) => {
      const value = fallback
        ? ` (default: ${fallback}${unit === undefined ? '' : ` ${unit}`})`
        : '';
      return `  ${name}\n      ${description}${value}`;
    });
  return `\nEnvironment variables:\n${lines.join('\n')}`;
}
