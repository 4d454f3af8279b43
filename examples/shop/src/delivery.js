/** Working days that a parcel is on its way. */
const daysOnTheWay = { home: 2, europe: 4 }

/** Orders that come in from this hour on (UTC) are packed on the next working day. */
const cutOffHour = 14

/**
 * The day on which a parcel arrives. Nothing is packed, carried or delivered on Saturdays and Sundays.
 *
 * @param {Date} ordered
 * @param {"home" | "europe"} zone
 * @returns {string} as 2026-11-24
 */
export function arrivalDay(ordered, zone) {
  const late = ordered.getUTCHours() >= cutOffHour
  const packed = addWorkingDays(startOfDay(ordered), late ? 1 : 0)
  return addWorkingDays(packed, daysOnTheWay[zone]).toISOString().slice(0, 10)
}

function addWorkingDays(day, count) {
  const result = new Date(day)
  result.setUTCDate(result.getUTCDate() + count)
  while (isWeekend(result)) result.setUTCDate(result.getUTCDate() + 1)
  return result
}

function isWeekend(day) {
  return day.getUTCDay() === 0 || day.getUTCDay() === 6
}

function startOfDay(date) {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()))
}
