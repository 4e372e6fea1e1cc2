Feature: Every irradiation is counted once, and high doses are looked at
  Devices send structured dose reports: some repeat earlier ones, some continue them. An irradiation event has an
  identity of its own. What a report does not say is not known, and never zero.

  Background:
    Given CHB has sent a study

  Rule: D1, a report is recorded once

    Scenario: The device sends its report again
      Given the dose report A with the exposures 1 and 2
      When the dose report A with the exposures 1 and 2 comes in
      Then 1 dose report is recorded

  Rule: D2, a dose report holds an irradiation event, or states a total

    Scenario: A report without an exposure
      When the dose report A without an exposure comes in
      Then the ledger refuses with NoExposure, rule D2

    @live
    Scenario: A device that reports accumulated dose alone
      When the dose report A without an exposure comes in, that states 541.1 mGy.cm
      Then 1 dose report is recorded
      And the dose of the patient of CHB is 541.1 mGy.cm

    Scenario: The exposures come in later, and nothing counts twice
      Given the dose report A without an exposure comes in, that states 541.1 mGy.cm
      When CHB sends the dose report B:
        | exposure | DLP   |
        | 1        | 300.5 |
      Then the dose of the patient of CHB is 300.5 mGy.cm

  Rule: A report that is wholly in another is superseded by it, whichever came first

    Scenario: Cumulative reports in the order they were made
      Given the dose report A with the exposure 1
      And the dose report B with the exposures 1 and 2
      When the dose report C with the exposures 1, 2 and 3 comes in
      Then the dose report C stands alone
      And 3 exposures are counted

    @live
    Scenario: Cumulative reports in another order
      Given the dose report C with the exposures 1, 2 and 3
      And the dose report A with the exposure 1
      When the dose report B with the exposures 1 and 2 comes in
      Then the dose report C stands alone

    Scenario: Continued reports
      Given the dose report A with the exposures 1 and 2
      When the dose report B with the exposures 3 and 4 comes in
      Then no dose report is superseded
      And 4 exposures are counted

  Rule: A report that corrects an earlier one stands, whichever came first

    @live
    Scenario: A correction of the same exposures
      Given the report A of 10:20 says 300 mGy at the reference point
      When the report B of 12:00 says 3000 mGy at the reference point, of the same exposure
      Then the dose report B stands alone
      And their dose at the reference point is 3000 mGy
      And 1 alert is raised

    Scenario: The correction comes first
      Given the report B of 12:00 says 3000 mGy at the reference point
      When the report A of 10:20 says 300 mGy at the reference point, of the same exposure
      Then the dose report B stands alone
      And their dose at the reference point is 3000 mGy
      And 1 alert is raised

  Rule: Reports that disagree both stand and say so where no time says which is later, and alerts go by the greater

    @live
    Scenario: The greater dose comes first
      Given the report A of 10:20 says 3000 mGy at the reference point
      When the report B of 10:20 says 300 mGy at the reference point, of the same exposure
      Then the dose reports A and B disagree
      And their dose at the reference point is 3000 mGy
      And 1 alert is raised

    Scenario: The greater dose comes second
      Given the report A of 10:20 says 300 mGy at the reference point
      When the report B of 10:20 says 3000 mGy at the reference point, of the same exposure
      Then the dose reports A and B disagree
      And their dose at the reference point is 3000 mGy
      And 1 alert is raised

    Scenario: The device sends a later report
      Given the report A of 10:20 says 3000 mGy at the reference point
      And the report B of 10:20 says 300 mGy at the reference point, of the same exposure
      When the report C of 12:00 says 310 mGy at the reference point, of the same exposure
      Then the dose report C stands alone
      And their dose at the reference point is 310 mGy

  Rule: D5, what a person accepts in place of a report stands, and is refused where it would change nothing

    Scenario: A second content is accepted, then a third
      Given the report A of 10:20 says 100 mGy at the reference point
      And the report A comes again and says 200 mGy of 12:00
      And the report A comes again and says 300 mGy of 11:00
      And the content of 200 mGy is accepted
      When the content of 300 mGy is accepted
      Then their dose at the reference point is 300 mGy

    Scenario: The device has corrected itself meanwhile
      Given the report A of 10:20 says 100 mGy at the reference point
      And the report A comes again and says 200 mGy of 11:00
      And the report B of 12:00 says 150 mGy at the reference point, of the same exposure
      When the content of 200 mGy is accepted
      Then the ledger refuses with OtherReportStands, rule D5
      And their dose at the reference point is 150 mGy

  Rule: D4, an implausible value counts once somebody has accepted it

    Scenario: Becquerels called megabecquerels
      Given the report A of 10:20 says 203000000 MBq
      Then no activity is counted
      When the values of the report A are accepted with "a calibration source"
      Then an activity of 203000000 MBq is counted

    Scenario: Values that are as they should be
      Given the report A of 10:20 says 203 MBq
      When the values of the report A are accepted with "looked at"
      Then the ledger refuses with ValuesUnchanged, rule D4

  Rule: D3, a dose over a level is alerted once, and acknowledged once by a person

    Scenario Outline: Fluoroscopy at and over 2 Gy at the reference point
      When a report of <dose> mGy at the reference point comes in
      Then <alerts> alerts are raised

      Examples:
        | dose   | alerts |
        | 1999.9 | 0      |
        | 2000   | 0      |
        | 2000.1 | 1      |
        | 7689   | 1      |

    Scenario: The alert level that the site set on its scanner
      When a report comes in whose forecast is 251.2 mGy.cm where the scanner is to alert over 100
      Then 1 alert is raised

    Scenario: The report is repeated in a fuller one
      Given a report of 2500 mGy at the reference point comes in
      When a report of 2600 mGy at the reference point comes in
      Then 1 alert is raised

    Scenario: A report that words call a test of the device: they may be a patient's
      When a report of 9000 mGy at the reference point of a phantom comes in
      Then 1 alert is raised

    @live
    Scenario: A radiographer looks at an alert, and another does so again
      Given a report of 2500 mGy at the reference point comes in
      And the alert is acknowledged with "skin checked, follow-up in two weeks"
      When the alert is acknowledged with "seen"
      Then the ledger refuses with AlertUnchanged, rule D3
      And the alert shows who looked at it, and "skin checked, follow-up in two weeks"

  Rule: The dose of a person is that of all their identities, and an exposure counts once

    @live
    Scenario: Two hospitals' patients are one person, and one exposure was sent to both
      Given CHB sends the dose report A:
        | exposure | DLP   |
        | 1        | 300.5 |
        | 2        | 200   |
      And CHP sends the dose report B:
        | exposure | DLP   |
        | 2        | 200   |
        | 3        | 50    |
      When the patients of CHB and CHP are merged
      Then the dose of the patient of CHB is 550.5 mGy.cm
      And the dose of the patient of CHP is 550.5 mGy.cm
      And their dose at the reference point is not known

    @live
    Scenario: Once they are unmerged, each has their own dose again
      Given CHB sends the dose report A:
        | exposure | DLP   |
        | 1        | 300.5 |
        | 2        | 200   |
      And CHP sends the dose report B:
        | exposure | DLP   |
        | 2        | 200   |
        | 3        | 50    |
      And the patients of CHB and CHP are merged
      When the patients of CHB and CHP are unmerged
      Then the dose of the patient of CHB is 500.5 mGy.cm
      And the dose of the patient of CHP is 250 mGy.cm
