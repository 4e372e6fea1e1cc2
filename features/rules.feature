Feature: Rules are published as files, and decide once a view that was built with them is promoted
  A rule file says of what kind it is, which version, and from which day its text counts. What was published stays as it
  is for ever. Whoever was alerted, merged or barred under earlier rules stays so.

  Rule: G3 and G4, versions grow, and a version says the same for ever

    Scenario: The first version of a kind
      When dose-alerts@2 with 1500 mGy at the reference point is published
      Then dose-alerts@2 is published
      And dose-alerts@1 is in force

    Scenario: The same file again
      Given dose-alerts@2 with 1500 mGy at the reference point is published
      When dose-alerts@2 with 1500 mGy at the reference point is published
      Then nothing was written

    Scenario: Another text under a number that was used
      Given dose-alerts@2 with 1500 mGy at the reference point is published
      When dose-alerts@2 with 1600 mGy at the reference point is published
      Then the ledger refuses with VersionTaken, rule G4

    Scenario: A number before the last
      Given dose-alerts@5 with 1500 mGy at the reference point is published
      When dose-alerts@4 with 1600 mGy at the reference point is published
      Then the ledger refuses with BadVersion, rule G3

  Rule: G13, no model lets a contradiction speak for one person

    Scenario Outline: What it is worth that two differ
      When matching@1 is published in which <trait> different is worth <bits> bits
      Then <outcome>

      Examples:
        | trait  | bits | outcome                                       |
        | number | -8   | matching@1 is published                       |
        | number | 1    | the ledger refuses with RuleTooWeak, rule G13 |
        | sex    | 0    | the ledger refuses with RuleTooWeak, rule G13 |
        | birth  | 3    | the ledger refuses with RuleTooWeak, rule G13 |

  Rule: G17, matching rules weigh

    Scenario: Rules of equal fields
      When matching@1 is published with rules of equal fields
      Then the ledger refuses with EqualFields, rule G17: "let krypton rules train-matching learn a model"

  Rule: G12, a unit that is not understood is never guessed

    Scenario Outline: A level for the dose area product of a chest
      When reference-levels@2011 is published with 25 <unit>
      Then <outcome>

      Examples:
        | unit    | outcome                                       |
        | cGy.cm2 | reference-levels@2011 is published            |
        | mGy     | the ledger refuses with UnknownUnit, rule G12 |

  Rule: Only a promotion or a rollback changes what decides

    Background:
      Given dose-alerts@2 with 1500 mGy at the reference point is published

    Scenario: Published, and no view promoted
      When a study with 1800 mGy at the reference point comes in
      Then 0 alerts are raised

    Scenario: Promoted
      When cumulative_dose is promoted with dose-alerts@2
      And a study with 1800 mGy at the reference point comes in
      Then 1 alert is raised under dose-alerts@2

    Scenario: What came in before is judged once after the promotion
      Given a study with 1800 mGy at the reference point comes in
      When cumulative_dose is promoted with dose-alerts@2
      And the study is judged
      And the study is judged
      Then 1 alert is raised under dose-alerts@2

    Scenario: What was raised under earlier rules stands
      Given a study with 2500 mGy at the reference point comes in
      When cumulative_dose is promoted with dose-alerts@2
      And the study is judged
      Then 1 alert is raised under dose-alerts@1

    Scenario: Rolled back
      Given cumulative_dose is promoted with dose-alerts@2
      When cumulative_dose is rolled back to dose-alerts@1
      And a study with 1800 mGy at the reference point comes in
      Then 0 alerts are raised
      And dose-alerts@1 is in force
